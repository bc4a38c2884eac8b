"""Gaussian blur as two banded matrix products, as each of three libraries does it."""

import jax
import jax.numpy as jnp

from ssljax.ops.augment.separable import separable

PASSES = 3  # of Pillow's box blur


def gaussian_blur(
    image: jax.Array,
    sigma: jax.Array | float,
    kernel: int,
    on: jax.Array | bool = True,
    border: str = "reflect",
) -> jax.Array:
    """Blur with a Gaussian cut to an odd number of taps.

    g[d] = exp(-d^2 / (2 sigma^2)) / Z for |d| <= kernel // 2, along rows and along columns.

    Args:
      image: float32[H, W, C].
      sigma: standard deviation in pixels, > 0.
      kernel: number of taps, odd; its half must be less than H and W.
      on: False leaves the image as it is.
      border: what lies beyond the image: "reflect", its mirror image; "zero", black.

    Returns:
      float32[H, W, C].

    Raises:
      ValueError: the kernel is even or does not fit into the image.

    Reference: torchvision.transforms.GaussianBlur, whose borders are reflected without repeating
    the outermost pixel; with "zero", gaussian_blur of google-research/simclr, data_util.py. SimCLR
    takes a tenth of the image's size as kernel, 23 at 224.
    """
    height, width, _ = image.shape
    if kernel < 1 or kernel % 2 == 0 or kernel // 2 >= min(height, width):
        most = 2 * min(height, width) - 1
        raise ValueError(f"kernel={kernel} must be odd and from 1 to {most} for {image.shape}")
    return _blurred(lambda size: _gaussian(sigma, kernel // 2, size, border), image, on)


def box_blur(image: jax.Array, sigma: jax.Array | float, on: jax.Array | bool = True) -> jax.Array:
    """Blur three times by a box whose width need not be whole, the outermost pixels repeated.

    Box and box and box are nearly a Gaussian of the same variance, and it is not cut: it reaches 6
    pixels at sigma = 2.

    Args:
      image: float32[H, W, C].
      sigma: standard deviation in pixels, > 0.
      on: False leaves the image as it is.

    Returns:
      float32[H, W, C].

    Reference: Pillow's ImageFilter.GaussianBlur (src/libImaging/BoxBlur.c), which rounds to bytes
    after each pass, as this does not; Gwosdek et al. 2011, "Theoretical foundations of Gaussian
    convolution by extended box filtering".
    """
    return _blurred(lambda size: _boxes(sigma, size), image, on)


def _blurred(matrix, image: jax.Array, on) -> jax.Array:
    """Apply the square matrix of a size to rows and to columns."""

    def switched(size):
        return jnp.where(on, matrix(size), jnp.eye(size))

    height, width, _ = image.shape
    rows = switched(height)
    return separable(rows, rows if width == height else switched(width), image)


def _boxes(sigma, size: int) -> jax.Array:
    """Return float32[size, size]: the matrix of one box, to the power of the passes."""
    variance = jnp.square(sigma) / PASSES
    whole = jnp.floor((jnp.sqrt(12.0 * variance + 1.0) - 1.0) / 2.0)
    part = (2.0 * whole + 1.0) * (whole * (whole + 1.0) - 3.0 * variance)
    half = whole + part / (6.0 * (variance - jnp.square(whole + 1.0))) + 0.5
    # A pixel's weight is the part of its cell under the box; the outermost cells have no end.
    out, pixel = jnp.arange(size)[:, None], jnp.arange(size)[None, :]
    low = jnp.where(pixel == 0, -half, jnp.clip(pixel - out - 0.5, -half, half))
    high = jnp.where(pixel == size - 1, half, jnp.clip(pixel - out + 0.5, -half, half))
    once = matrix = (high - low) / (2.0 * half)
    for _ in range(PASSES - 1):
        matrix = jnp.matmul(once, matrix, precision=jax.lax.Precision.HIGHEST)
    return matrix


def _gaussian(sigma, radius: int, size: int, border: str) -> jax.Array:
    """Return float32[size, size]; a tap beyond a border counts for the pixel it reflects or not."""

    def gauss(distance):
        return jnp.exp(-0.5 * jnp.square(distance / sigma))

    scale = 1.0 / jnp.sum(gauss(jnp.arange(-radius, radius + 1)))

    def tap(distance):
        return jnp.where(jnp.abs(distance) <= radius, scale * gauss(distance), 0.0)

    out = jnp.arange(size)[:, None]
    pixel = jnp.arange(size)[None, :]
    weight = tap(pixel - out)
    if border == "reflect":
        weight += jnp.where(pixel > 0, tap(-pixel - out), 0.0)
        weight += jnp.where(pixel < size - 1, tap(2 * (size - 1) - pixel - out), 0.0)
    return weight
