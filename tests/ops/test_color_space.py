import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.ops.color_space import gamut_bins, rarity, rgb_to_lab, soft_encode


@pytest.mark.parametrize(
    "rgb, lab",
    [
        ((1, 1, 1), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((1, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 1, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 1), (32.30, 79.19, -107.86)),
        ((0.5, 0.5, 0.5), (53.39, 0, 0)),
    ],
)
def test_known_colours(rgb, lab):
    """CIE's figures for sRGB under D65."""
    found = jax.jit(rgb_to_lab)(jnp.array(rgb, jnp.float32))
    np.testing.assert_allclose(found, lab, atol=0.01)


def test_lightness_and_colour_are_continuous_near_black():
    dark = jnp.linspace(0, 0.1, 1001)[:, None] * jnp.array([1.0, 0.6, 0.3])
    steps = np.abs(np.diff(rgb_to_lab(dark), axis=0)).max(axis=0)
    assert (steps < 0.05).all()


def test_grey_has_no_colour():
    grey = jnp.broadcast_to(jnp.linspace(0, 1, 256)[:, None], (256, 3))
    np.testing.assert_allclose(rgb_to_lab(grey)[:, 1:], 0, atol=1e-3)


def test_three_channels_are_needed():
    with pytest.raises(ValueError, match="images must have 3 channels, got the shape"):
        rgb_to_lab(jnp.zeros((2, 4, 4, 1)))


def test_every_colour_has_its_bin():
    bins = gamut_bins(10)
    assert bins.shape == (261, 2) and [0, 0] in bins.tolist()
    colors = np.random.default_rng(0).random((5000, 3))
    apart = rgb_to_lab(jnp.asarray(colors))[:, None, 1:] - bins
    assert float(jnp.abs(apart).max(axis=-1).min(axis=1).max()) <= 5.01  # the nearest one's square


def test_shares_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    bins, colors = gamut_bins(10), rng.uniform(-60, 60, (20, 2))
    expected = np.zeros((20, len(bins)))
    for row, color in zip(expected, colors, strict=True):
        squared = ((bins - color) ** 2).sum(axis=1)
        for k in np.argsort(squared)[:5]:
            row[k] = np.exp(-squared[k] / (2 * 5.0**2))
        row /= row.sum()
    found = soft_encode(jnp.asarray(colors, jnp.float32), jnp.asarray(bins))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_colour_far_from_all_bins_goes_to_the_nearest():
    bins = jnp.array([[0.0, 0.0], [10.0, 0.0]])
    shares = soft_encode(jnp.array([1e4, 0.0]), bins, neighbours=1)
    np.testing.assert_allclose(shares, [0, 1])


def test_rare_colours_weigh_more_and_the_expected_weight_is_one():
    shares = jnp.array([0.7, 0.2, 0.1, 0.0])
    for mix in (0.1, 0.5, 1.0):
        weights = np.asarray(rarity(shares, mix=mix))
        assert float((shares * weights).sum()) == pytest.approx(1, rel=1e-6)
        assert (np.diff(weights) > 0).all() or mix == 1.0
    np.testing.assert_allclose(weights, 1)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: gamut_bins(0), "spacing must be at least 1, got 0"),
        (lambda: soft_encode(jnp.zeros(2), jnp.zeros((3, 2)), neighbours=4), "from 1 to 3, got 4"),
        (lambda: soft_encode(jnp.zeros(2), jnp.zeros((9, 2)), sigma=0), "sigma must be positive"),
        (lambda: rarity(jnp.ones(2) / 2, mix=0.0), "mix must be above 0 and at most 1, got 0.0"),
    ],
)
def test_out_of_range(call, message):
    with pytest.raises(ValueError, match=message):
        call()
