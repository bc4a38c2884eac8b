"""Operations of views of sounds, each by itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.ops.augment import SoundView, multi_sound
from ssljax.ops.augment.sound import masked_stripe, mixed_waves, noisy, resized_crop, shifted

KEYS = jax.random.split(jax.random.key(0), 200)


def test_a_shift_moves_and_leaves_silence():
    x = jnp.arange(1.0, 11.0)
    found = np.asarray(jax.vmap(lambda key: shifted(key, x, 0.3))(KEYS))
    moved = set()
    for row in found:
        kept = row[row > 0]
        assert (np.diff(kept) == 1).all() and len(kept) >= 7
        moved.add(int(np.argmax(row > 0)) - int(kept[0]) + 1)
    assert moved == set(range(-3, 4))


def test_mixing_keeps_the_power_and_the_share():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 20_000)) * [[1.0], [5.0]]
    made = np.asarray(mixed_waves(jnp.asarray(x), jnp.asarray(y), 0.3))
    assert np.mean(made**2) == pytest.approx(np.mean(x**2), rel=0.03)
    assert np.corrcoef(made, y)[0, 1] ** 2 == pytest.approx(0.3, abs=0.02)
    np.testing.assert_allclose(
        mixed_waves(jnp.asarray(x), jnp.zeros(20_000), 0.3), 0.7**0.5 * x, rtol=1e-5
    )


def test_noise_has_the_ratio_that_is_asked_for():
    x = jnp.asarray(np.random.default_rng(0).normal(size=20_000))
    noise = np.asarray(noisy(KEYS[0], x, 6.0, 6.0) - x)
    assert 10 * np.log10(np.mean(np.square(x)) / np.mean(noise**2)) == pytest.approx(6, abs=0.1)
    assert not np.asarray(noisy(KEYS[0], jnp.zeros(50), 0.0, 6.0)).any()


@pytest.mark.parametrize("axis", [0, 1])
def test_stripes_are_of_all_widths_and_at_all_places(axis):
    x = jnp.ones((6, 5))
    found = np.asarray(jax.vmap(lambda key: masked_stripe(key, x, 3, axis))(KEYS))
    hidden = (found == 0).all(axis=2 - axis)
    assert ((found == 0).any(axis=2 - axis) == hidden).all()
    assert set(hidden.sum(axis=1).tolist()) == {0, 1, 2, 3}
    assert hidden.any(axis=0).all()
    for row in hidden:
        assert np.abs(np.diff(row.astype(int))).sum() <= 2  # in one piece


def test_a_box_of_the_whole_is_the_spectrogram():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(8, 6)))
    # Of the bands all are shown; frames of 1.0 move over the canvas, and zeros stand beside.
    found = np.asarray(jax.vmap(lambda key: resized_crop(key, x, (1.0, 1.0)))(KEYS))
    assert found.shape == (200, 8, 6) and (found == 0).any()
    constant = np.asarray(resized_crop(KEYS[0], jnp.ones((8, 6)), (0.5, 0.5)))
    inside = constant[(constant != 0).all(axis=1)]
    assert ((0 < inside) & (inside <= 1.0001)).all()
    line = jnp.broadcast_to(jnp.arange(6.0), (8, 6))
    zoomed = np.asarray(resized_crop(KEYS[3], line, (0.5, 0.5)))
    rows = zoomed[np.abs(zoomed).sum(axis=1) > 0]
    steps = np.diff(rows / np.maximum(rows.max(axis=1, keepdims=True), 1e-6), axis=1)
    assert (steps >= -1e-5).all()


def test_views_depend_on_the_key_of_the_example_and_the_name():
    waves = jnp.asarray(np.random.default_rng(0).normal(size=(3, 40)), jnp.float32)
    view = SoundView(size=20, gain=6.0, count=2)
    views = {"one": view, "two": view}
    made = multi_sound(views, KEYS[:3], waves, lambda x: x)
    assert made["one"].shape == (3, 2, 20) and (made["one"] != made["two"]).any()
    alone = multi_sound({"one": view}, KEYS[1:2], waves[1:2], lambda x: x)["one"]
    np.testing.assert_allclose(alone[0], made["one"][1], rtol=1e-6)
    with pytest.raises(ValueError, match="got 2 keys for 3 sounds"):
        multi_sound(views, KEYS[:2], waves, lambda x: x)
    with pytest.raises(ValueError, match="a view of 50 samples is longer than 40"):
        multi_sound({"one": SoundView(size=50)}, KEYS[:3], waves, lambda x: x)


@pytest.mark.parametrize(
    "fields",
    [
        {"size": 0},
        {"gain": -1.0},
        {"mix": 1.0},
        {"shift": 1.0},
        {"noise": (3.0, 1.0)},
        {"resize": (0.5, 2.0)},
        {"band_masks": 0},
    ],
)
def test_values_out_of_range_are_refused_by_name(fields):
    (name,) = fields
    with pytest.raises(ValueError, match=f"{name}="):
        SoundView(**{"size": 8, **fields})
