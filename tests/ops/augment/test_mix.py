"""Mixup and CutMix, against loops as timm has them, and their distributions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from ssljax.ops.augment import Mixing, mixed
from ssljax.ops.labels import smoothed


def _draws(mixing, grid, count):
    keys = jax.random.split(jax.random.key(0), count)
    return map(np.asarray, jax.jit(jax.vmap(lambda key: mixing.draw(key, grid)))(keys))


def test_mixup_weighs_every_place_alike_and_as_the_label():
    weights, share = _draws(Mixing(mixup=0.8), (3, 2), 2000)
    np.testing.assert_array_equal(weights, np.broadcast_to(share[:, None, None], (2000, 3, 2)))
    assert stats.kstest(share, stats.beta(0.8, 0.8).cdf).pvalue > 1e-3


def test_a_box_is_cut_as_timm_cuts_it():
    height, width = 9, 6
    weights, share = _draws(Mixing(cutmix=1.0), (height, width), 400)
    sides = set()
    for inside, left in zip(weights == 0, share, strict=True):
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        if not len(rows):
            assert left == 1
            continue
        # One solid box, whose share of the area is what the label loses.
        assert inside.sum() == len(rows) * len(columns)
        assert np.ptp(rows) == len(rows) - 1 and np.ptp(columns) == len(columns) - 1
        assert left == pytest.approx(1 - inside.mean(), abs=1e-6)
        sides.add((len(rows), len(columns)))
    assert len(sides) > 8


def test_the_sides_of_boxes_are_those_of_timm():
    """Of timm's own code, draw by draw: the distribution of areas is the same."""
    height, width, rng = 9, 6, np.random.default_rng(0)
    wanted = []
    for _ in range(4000):
        ratio = np.sqrt(1 - rng.beta(1, 1))
        cut_h, cut_w = int(height * ratio), int(width * ratio)
        cy, cx = rng.integers(height), rng.integers(width)
        spans = [
            np.clip(c + half, 0, side) - np.clip(c - half, 0, side)
            for c, half, side in ((cy, cut_h // 2, height), (cx, cut_w // 2, width))
        ]
        wanted.append(spans[0] * spans[1])
    _, share = _draws(Mixing(cutmix=1.0), (height, width), 4000)
    cut = np.rint((1 - share) * height * width)
    assert stats.ks_2samp(cut, wanted).pvalue > 1e-3


def test_both_take_turns_and_some_batches_stay():
    mixing = Mixing(mixup=1.0, cutmix=1.0, prob=0.5, switch_prob=0.25)
    weights, share = _draws(mixing, (16, 16), 2000)
    cut = ((weights == 0) | (weights == 1)).all((1, 2)) & (share < 1)
    plain = share == 1
    blended = ~cut & ~plain
    assert abs(blended.mean() - 0.375) < 0.04
    # A box of fewer than two pixels a side leaves the image as it is.
    assert 0.08 < cut.mean() < 0.16 and plain.mean() > 0.45


def test_of_a_series_a_window_is_cut():
    weights, share = _draws(Mixing(cutmix=1.0), (40,), 50)
    for one, left in zip(weights, share, strict=True):
        inside = np.flatnonzero(one == 0)
        assert left == pytest.approx(1 - len(inside) / 40, abs=1e-6)
        assert not len(inside) or np.ptp(inside) == len(inside) - 1


def test_an_example_is_mixed_with_the_one_as_far_from_the_end():
    values = jnp.arange(12.0).reshape(3, 2, 2)  # [B, places, channels]
    weights = jnp.array([1.0, 0.25])
    loop = np.array(
        [
            [[w * v + (1 - w) * u for v, u in zip(one, two, strict=True)]
             for one, two, w in zip(a, b, (1.0, 0.25), strict=True)]
            for a, b in zip(np.asarray(values), np.asarray(values)[::-1], strict=True)
        ]
    )  # fmt: skip
    np.testing.assert_allclose(mixed(values, weights), loop, rtol=1e-6)
    np.testing.assert_allclose(mixed(jnp.eye(2), 0.75), [[0.75, 0.25], [0.25, 0.75]], rtol=1e-6)


def test_labels_of_mixed_images_are_timms():
    """mixup_target of timm: smoothed labels, then mixed."""
    labels, classes, smoothing, share = np.array([2, 0, 1]), 3, 0.1, 0.7
    off = smoothing / classes
    on = 1 - smoothing + off
    hot = np.full((3, classes), off)
    hot[np.arange(3), labels] = on
    wanted = share * hot + (1 - share) * hot[::-1]
    found = mixed(smoothed(jnp.asarray(labels), classes, smoothing=smoothing), share)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_a_box_needs_a_grid():
    with pytest.raises(ValueError, match="no grid"):
        Mixing(cutmix=1.0).draw(jax.random.key(0), ())
    assert not Mixing() and Mixing(mixup=0.1)
