"""Gaussian blur as two banded matrix products."""

import jax
import jax.numpy as jnp

from ssljax.ops.augment.separable import separable


def gaussian_blur(
    image: jax.Array, sigma: jax.Array | float, kernel: int, on: jax.Array | bool = True
) -> jax.Array:
    """Blur with a Gaussian cut to an odd number of taps, the border reflected.

    g[d] = exp(-d^2 / (2 sigma^2)) / Z for |d| <= kernel // 2, along rows and along columns.

    Args:
      image: float32[H, W, C].
      sigma: standard deviation in pixels, > 0.
      kernel: number of taps, odd; its half must be less than H and W.
      on: False leaves the image as it is.

    Returns:
      float32[H, W, C].

    Raises:
      ValueError: the kernel is even or does not fit into the image.

    Reference: torchvision.transforms.GaussianBlur, whose borders are reflected without repeating
    the outermost pixel. SimCLR takes a tenth of the image's size as kernel, 23 at 224.
    """
    height, width, _ = image.shape
    if kernel < 1 or kernel % 2 == 0 or kernel // 2 >= min(height, width):
        most = 2 * min(height, width) - 1
        raise ValueError(f"kernel={kernel} must be odd and from 1 to {most} for {image.shape}")
    rows = _blur_matrix(sigma, kernel // 2, height, on)
    columns = rows if width == height else _blur_matrix(sigma, kernel // 2, width, on)
    return separable(rows, columns, image)


def _blur_matrix(sigma, radius: int, size: int, on) -> jax.Array:
    """Return float32[size, size]; a tap beyond the border counts for the pixel it reflects."""

    def gauss(distance):
        return jnp.exp(-0.5 * jnp.square(distance / sigma))

    scale = 1.0 / jnp.sum(gauss(jnp.arange(-radius, radius + 1)))

    def tap(distance):
        return jnp.where(jnp.abs(distance) <= radius, scale * gauss(distance), 0.0)

    out = jnp.arange(size)[:, None]
    pixel = jnp.arange(size)[None, :]
    weight = tap(pixel - out)
    weight += jnp.where(pixel > 0, tap(-pixel - out), 0.0)
    weight += jnp.where(pixel < size - 1, tap(2 * (size - 1) - pixel - out), 0.0)
    return jnp.where(on, weight, (pixel == out).astype(weight.dtype))
