"""Lightness and colour: CIE Lab, bins of the colours in sRGB, and their rarity."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

# Linear sRGB to XYZ (IEC 61966-2-1), rows divided by the white point D65.
_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_XYZ = _XYZ / _XYZ.sum(axis=1, keepdims=True)
_CUBE = (6 / 29) ** 3  # below it, the cube root is replaced by its tangent
_LEVELS = 64  # number of values per channel over which the gamut is searched


def rgb_to_lab(images: jax.Array) -> jax.Array:
    """Return CIE L*a*b* of sRGB: lightness in [0, 100] and two colour axes around 0.

    a goes from green to red, b from blue to yellow, both within about 110; grey has a = b = 0.

    Args:
      images: float[..., 3], sRGB in [0, 1].

    Returns:
      float32[..., 3]: L, a, b.

    Raises:
      ValueError: there are not three channels.

    >>> [round(float(x), 1) for x in rgb_to_lab(jnp.array([1.0, 0.0, 0.0]))]
    [53.2, 80.1, 67.2]
    """
    if images.shape[-1] != 3:
        raise ValueError(f"images must have 3 channels, got the shape {list(images.shape)}")
    return _lab(images.astype(jnp.float32), jnp)


def _lab(rgb, xp):
    linear = xp.where(rgb <= 0.04045, rgb / 12.92, ((xp.maximum(rgb, 0) + 0.055) / 1.055) ** 2.4)
    # Sums, not a matrix product: an accelerator's default precision would shift the colours.
    x, y, z = (sum(w * linear[..., c] for c, w in enumerate(row)) for row in _XYZ.tolist())
    f = [xp.where(t > _CUBE, xp.cbrt(t), (t / _CUBE + 2) * (2 / 29)) for t in (x, y, z)]
    return xp.stack([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])], axis=-1)


@functools.cache
def gamut_bins(spacing: int = 10) -> np.ndarray:
    """Return the grid points (a, b) that are nearest to at least one sRGB colour.

    Args:
      spacing: spacing of the grid. 10 gives 261 bins. (Colorization's published list has 313 on the
        same grid; it extends slightly beyond sRGB.)

    Returns:
      float32[Q, 2], read-only, in lexicographic order.

    Raises:
      ValueError: the spacing is not at least 1.

    >>> gamut_bins().shape
    (261, 2)
    """
    if spacing < 1:
        raise ValueError(f"spacing must be at least 1, got {spacing}")
    levels = np.linspace(0, 1, _LEVELS)
    rgb = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    nearest = np.rint(_lab(rgb, np)[:, 1:] / spacing).astype(np.int64)
    bins = (np.unique(nearest, axis=0) * spacing).astype(np.float32)
    bins.flags.writeable = False
    return bins


def soft_encode(
    colors: jax.Array, bins: jax.Array, *, neighbours: int = 5, sigma: float = 5.0
) -> jax.Array:
    """Distribute every colour over its nearest bins, by a Gaussian of the distance.

    Args:
      colors: float[..., 2], (a, b).
      bins: float[Q, 2].
      neighbours: number of bins that get a share; bins at the same distance as the last one get a
        share too.
      sigma: standard deviation of the Gaussian.

    Returns:
      float32[..., Q], non-negative with sum 1.

    Raises:
      ValueError: fewer than 1 or more than Q neighbours, or sigma is not positive.

    Colorful image colorization, https://arxiv.org/abs/1603.08511 (section 2.1); its code takes 10
    neighbours.

    >>> soft_encode(jnp.array([5.0, 0.0]), jnp.array([[0.0, 0], [10, 0], [90, 0]]), neighbours=2)
    Array([0.5, 0.5, 0. ], dtype=float32)
    """
    if not 1 <= neighbours <= len(bins):
        raise ValueError(f"neighbours must be from 1 to {len(bins)}, got {neighbours}")
    if not sigma > 0:
        raise ValueError(f"sigma must be positive, got {sigma}")
    # Axis by axis: an array [..., Q, 2] of differences would be twice as large.
    apart = sum(jnp.square(colors[..., None, i] - bins[:, i]) for i in range(2))
    nearest = -jax.lax.top_k(-apart, neighbours)[0]
    # Relative to the nearest bin, so its share never underflows.
    shares = jnp.exp((nearest[..., :1] - apart) / (2 * sigma**2))
    shares = jnp.where(apart <= nearest[..., -1:], shares, 0)
    return shares / jnp.sum(shares, axis=-1, keepdims=True)


def rarity(shares: jax.Array, *, mix: float) -> jax.Array:
    """Return a weight for each bin: the rarer its colour, the larger the weight.

        w_q = 1 / ((1 - mix) p_q + mix / Q),  scaled so that sum_q p_q w_q = 1

    Args:
      shares: float[Q], p, the frequency of each bin; sum 1.
      mix: weight of the uniform distribution in the mixture, above 0 and at most 1. At 1 all
        weights are 1.

    Returns:
      float32[Q].

    Raises:
      ValueError: mix is out of range.

    Colorful image colorization, https://arxiv.org/abs/1603.08511 (section 2.2), with mix = 1/2.

    >>> [round(float(w), 3) for w in rarity(jnp.array([0.75, 0.25]), mix=0.5)]
    [0.857, 1.429]
    """
    if not 0 < mix <= 1:
        raise ValueError(f"mix must be above 0 and at most 1, got {mix}")
    weights = 1 / ((1 - mix) * shares + mix / len(shares))
    return weights / jnp.sum(shares * weights)
