"""Views of series: what each operation does, and that draws depend on nothing but the key."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.ops.augment import SeriesView, multi_window
from ssljax.ops.augment.series import permute_segments, resized_window, window

FULL = SeriesView(
    size=12, crop_scale=(0.3, 1.0), segments=4, scale=0.2, jitter=0.1, mask=0.2, count=2
)
LOCAL = SeriesView(size=6, jitter=0.3, count=3)
VIEWS = {"global": FULL, "local": LOCAL}


def series(count=8, length=20, channels=3, seed=0):
    return np.random.default_rng(seed).normal(size=(count, length, channels)).astype(np.float32)


def keys_for(count, seed=0):
    return jax.random.split(jax.random.key(seed), count)


@functools.partial(jax.jit, static_argnums=0)
def make_jitted(views, keys, values):
    return multi_window(dict(views), keys, values)


def make(views, keys, values):
    return make_jitted(tuple(views.items()), keys, values)


def test_views_have_their_shapes_and_differ():
    out = make(VIEWS, keys_for(8), series())
    assert {name: views.shape for name, views in out.items()} == {
        "global": (8, 2, 12, 3),
        "local": (8, 3, 6, 3),
    }
    for views in out.values():
        assert views.dtype == jnp.float32
        assert np.all(np.abs(views[:, 0] - views[:, 1]).max(axis=(1, 2)) > 0.01)


def test_a_batch_is_its_examples_one_by_one_and_a_kind_of_view_is_by_itself():
    keys, values = keys_for(8), series()
    whole = make(VIEWS, keys, values)
    for i in (0, 5):
        alone = make({"local": LOCAL}, keys[i : i + 1], values[i : i + 1])
        np.testing.assert_allclose(whole["local"][i], alone["local"][0], atol=1e-6)


def test_the_same_on_one_and_on_eight_devices_and_every_example_stays_where_it_is():
    keys, values = keys_for(8), series()
    placed = jax.NamedSharding(jax.sharding.Mesh(np.array(jax.devices()), ("data",)), jax.P("data"))
    arguments = jax.device_put(keys, placed), jax.device_put(values, placed)
    one, eight = make(VIEWS, keys, values), make(VIEWS, *arguments)
    for name in VIEWS:
        assert eight[name].sharding.is_equivalent_to(placed, eight[name].ndim)
        np.testing.assert_allclose(one[name], eight[name], atol=1e-6)


def test_to_switch_one_operation_on_leaves_the_others_draws():
    values = series()
    plain = {"size": 12, "scale": 0.5}
    scaled = make({"view": SeriesView(**plain)}, keys_for(8), values)["view"]
    masked = make({"view": SeriesView(**plain, mask=0.5)}, keys_for(8), values)["view"]
    assert np.all(np.isclose(masked, scaled, atol=1e-6) | (masked == 0)) and (masked == 0).any()


def test_a_window_is_consecutive_and_starts_anywhere():
    times = jnp.arange(10.0)[:, None] * jnp.array([1.0, -1.0])
    drawn = jax.vmap(lambda key: window(key, times, 7))(keys_for(200))
    np.testing.assert_array_equal(
        drawn[:, 1:] - drawn[:, :-1], np.array([1.0, -1.0]) + 0 * drawn[:, 1:]
    )
    assert sorted(set(drawn[:, 0, 0].tolist())) == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="a window of 11 times does not fit into series of 10"):
        window(jax.random.key(0), times, 11)


def test_a_resampled_window_of_a_line_is_a_line_of_its_share():
    times = jnp.arange(11.0)[:, None]
    drawn = jax.vmap(lambda key: resized_window(key, times, 5, (0.3, 0.8)))(keys_for(500))[..., 0]
    steps = np.diff(drawn, axis=1)
    np.testing.assert_allclose(steps, np.broadcast_to(steps[:, :1], steps.shape), atol=1e-5)
    spans = drawn[:, -1] - drawn[:, 0]
    assert 3 - 1e-4 <= spans.min() < 3.1 and 7.9 < spans.max() <= 8 + 1e-4
    assert drawn.min() >= 0 and drawn.max() <= 10
    np.testing.assert_allclose(spans.mean(), 5.5, atol=0.3)
    whole = resized_window(jax.random.key(0), times, 11, (1.0, 1.0))
    np.testing.assert_allclose(whole, times, atol=1e-5)
    one = resized_window(jax.random.key(0), times[:1], 3, (0.5, 1.0))
    np.testing.assert_array_equal(one, np.zeros((3, 1)))


def test_segments_are_moved_whole():
    times = jnp.arange(12.0)[:, None]
    drawn = jax.jit(jax.vmap(lambda key: permute_segments(key, times, 4)))(keys_for(300))[..., 0]
    np.testing.assert_array_equal(np.sort(drawn, axis=1), np.broadcast_to(np.arange(12), (300, 12)))
    breaks = (np.diff(drawn, axis=1) != 1).sum(axis=1)
    assert sorted(set(breaks.tolist())) == [0, 1, 2, 3]


def test_scale_is_by_channel_jitter_by_value_mask_by_time():
    values = np.ones((500, 8, 2), np.float32)
    keys = keys_for(500)

    def apply(**fields):
        view = {"v": SeriesView(size=8, **fields)}
        return np.asarray(make(view, keys, values)["v"][:, 0])

    scaled = apply(scale=0.3)
    assert np.ptp(scaled, axis=1).max() == 0 and np.ptp(scaled, axis=2).max() > 0
    np.testing.assert_allclose([scaled.mean(), scaled.std()], [1.0, 0.3], atol=0.03)
    noisy = apply(jitter=0.2)
    np.testing.assert_allclose([noisy.mean(), noisy.std()], [1.0, 0.2], atol=0.01)
    assert np.abs(np.corrcoef(noisy.reshape(500, -1).T) - np.eye(16)).max() < 0.25
    masked = apply(mask=0.25)
    assert np.ptp(masked, axis=2).max() == 0 and set(np.unique(masked)) == {0.0, 1.0}
    np.testing.assert_allclose(masked.mean(), 0.75, atol=0.03)


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"size": 0}, "size=0 must be at least 1"),
        ({"segments": 0}, "segments=0 must be at least 1"),
        ({"count": 0}, "count=0 must be at least 1"),
        ({"jitter": -1.0}, "jitter=-1.0 must be at least 0"),
        ({"scale": float("nan")}, "scale=nan must be at least 0"),
        ({"mask": 1.5}, "mask=1.5 must be from 0 to 1"),
        ({"crop_scale": (0.5, 0.2)}, "must satisfy 0 < least <= greatest <= 1"),
    ],
)
def test_fields_out_of_range_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        SeriesView(**{"size": 4, **fields})


def test_keys_and_series_must_be_as_many():
    with pytest.raises(ValueError, match="got 3 keys for 8 series"):
        multi_window(VIEWS, keys_for(3), series())
