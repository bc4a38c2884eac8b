import numpy as np
import pytest

from ssljax.evaluation.intervals import wilson
from ssljax.evaluation.spectrum import alpha_req, evenly, rankme, unit_std
from tests.reference import evaluation as reference


@pytest.mark.parametrize("shape", [(60, 12), (12, 60)])
def test_against_loops(shape):
    features = np.random.default_rng(0).normal(size=shape) * np.logspace(0, 2, shape[1]) + 1
    assert rankme(features) == pytest.approx(reference.rankme(features), rel=1e-4)
    assert unit_std(features) == pytest.approx(reference.unit_std(features))


def test_white_features_have_full_rank():
    orthogonal = np.linalg.qr(np.random.default_rng(0).normal(size=(64, 16)))[0]
    assert rankme(orthogonal) == pytest.approx(16, rel=1e-4)


def test_collapsed_features():
    direction = np.arange(1.0, 9)
    line = np.outer(np.arange(1.0, 101), direction)
    assert rankme(line) == pytest.approx(1, abs=1e-3)
    assert unit_std(line) == pytest.approx(0, abs=1e-9)
    assert rankme(np.zeros((10, 4))) == 0
    assert unit_std(np.zeros((10, 4))) == 0


def test_directions_spread_over_the_sphere():
    features = np.random.default_rng(0).normal(size=(5000, 32))
    assert unit_std(features) == pytest.approx(1, abs=0.01)


def test_a_limit_takes_rows_evenly():
    np.testing.assert_array_equal(evenly(np.arange(10), 4), [0, 2, 5, 7])
    np.testing.assert_array_equal(evenly(np.arange(3), 4), [0, 1, 2])
    features = np.random.default_rng(0).normal(size=(40, 6))
    assert rankme(features, limit=20) == pytest.approx(rankme(features[::2]))


@pytest.mark.parametrize(
    ("accuracy", "count", "low", "high"),
    [
        (0.9, 100, 0.8256, 0.9448),
        (0.5, 20, 0.2993, 0.7007),
        (0.0, 10, 0.0, 0.2775),
        (1.0, 10, 0.7225, 1.0),
    ],
)  # published tables of the Wilson interval
def test_wilson_interval(accuracy, count, low, high):
    assert wilson(accuracy, count) == pytest.approx((low, high), abs=1e-4)


def _with_spectrum(values, rows=400):
    """Return centred features whose covariance has exactly these eigenvalues, in random axes."""
    generator = np.random.default_rng(0)
    noise = generator.normal(size=(rows, len(values)))
    basis = np.linalg.qr(noise - noise.mean(axis=0))[0] * np.sqrt(rows)
    turn = np.linalg.qr(generator.normal(size=(len(values),) * 2))[0]
    return basis * np.sqrt(values) @ turn


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_law_is_found(alpha):
    features = _with_spectrum(np.arange(1.0, 129) ** -alpha)
    found = alpha_req(features + 7)
    assert found.alpha == pytest.approx(alpha, abs=1e-9)
    assert found.r2 == pytest.approx(1)
    assert (found.first, found.last) == (4, 100)


def test_the_exponent_against_loops():
    features = np.random.default_rng(0).normal(size=(300, 40)) * np.logspace(0, -2, 40) + 3
    found = alpha_req(features)
    alpha, r2 = reference.alpha_req(features, first=4, last=40)
    assert (found.alpha, found.r2) == pytest.approx((alpha, r2))
    assert found.last == 40
    assert found.r2 < 0.999  # exponential, not a power


def test_directions_without_variance_are_no_part_of_the_power_law():
    kept = np.arange(1.0, 31) ** -1.5
    features = np.concatenate([_with_spectrum(kept), np.zeros((400, 10))], axis=1)
    found = alpha_req(features.astype(np.float32))
    assert found.alpha == pytest.approx(1.5, abs=1e-4)
    assert found.last == 30
    assert alpha_req(features * 1000).alpha == pytest.approx(1.5)  # units do not matter
    assert alpha_req(_with_spectrum(np.ones(5))) is None
    assert alpha_req(np.ones((10, 20))) is None
