import jax
import numpy as np
import pytest

from ssljax.ops.window_statistics import NAMES, QUANTILES, window_statistics


def reference(series):
    """Loops over float64, one channel at a time; NaN are left out."""
    rows = []
    for one in np.asarray(series, np.float64):
        table = []
        for channel in one.T:
            x = [value for value in channel if not np.isnan(value)]
            mean = sum(x) / len(x)
            deviation = (sum((value - mean) ** 2 for value in x) / len(x)) ** 0.5
            quantiles = []
            for q in QUANTILES:
                place = q * (len(x) - 1)
                low, high = sorted(x)[int(place)], sorted(x)[min(int(place) + 1, len(x) - 1)]
                quantiles.append(low + (place - int(place)) * (high - low))
            steps = [abs(b - a) for a, b in zip(channel, channel[1:], strict=False)]
            steps = [step for step in steps if not np.isnan(step)]
            table.append([mean, deviation, min(x), max(x), *quantiles, sum(steps) / len(steps)])
        rows.append(np.array(table).T.ravel())
    return np.array(rows)


def some_series():
    series = np.random.default_rng(0).normal(3, 2, (4, 9, 3)).astype(np.float32)
    series[1, 6:] = np.nan  # ends early
    series[2, 4, 1] = np.nan  # lacks one value
    return series


def test_equal_to_loops():
    np.testing.assert_allclose(
        window_statistics(some_series()), reference(some_series()), rtol=1e-5, atol=1e-6
    )


def test_by_hand():
    found = np.asarray(window_statistics(np.array([0.0, 4, 2, 2, 2]).reshape(1, 5, 1)))[0]
    by_name = dict(zip(NAMES, found.tolist(), strict=True))
    assert by_name["mean"] == 2 and by_name["min"] == 0 and by_name["max"] == 4
    assert by_name["std"] == pytest.approx(1.6**0.5) and by_name["q0.5"] == 2
    assert by_name["mean_abs_difference"] == 1.5  # 4, 2, 0, 0


def test_padding_changes_nothing():
    series = some_series()
    longer = np.concatenate([series, np.full((4, 5, 3), np.nan, np.float32)], axis=1)
    np.testing.assert_allclose(window_statistics(longer), window_statistics(series), rtol=1e-6)


@pytest.mark.parametrize("value", [np.nan, 0.0, 1e30, -1e30])
def test_constant_and_empty_channels_stay_finite(value):
    found = window_statistics(np.full((2, 3, 1), value, np.float32))
    assert np.isfinite(found).all()
    assert np.isfinite(window_statistics(np.full((2, 1, 1), value, np.float32))).all()


def test_a_compiled_call_is_the_same():
    np.testing.assert_allclose(
        jax.jit(window_statistics)(some_series()), window_statistics(some_series()), rtol=1e-6
    )


@pytest.mark.parametrize("shape", [(3, 4), (2, 0, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"must be \[B, T, C\]"):
        window_statistics(np.zeros(shape))
