"""Gaussian blur as two banded matrix products."""

import jax
import jax.numpy as jnp


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
    image = jnp.einsum("oy,yxc->oxc", rows, image, precision=jax.lax.Precision.HIGHEST)
    return jnp.einsum("px,oxc->opc", columns, image, precision=jax.lax.Precision.HIGHEST)


def _blur_matrix(sigma, radius: int, size: int, on) -> jax.Array:
    """Return float32[size, size]; a tap beyond the border counts for the pixel it reflects."""
    out = jnp.arange(size)[:, None]
    pixel = jnp.arange(size)[None, :]

    def tap(distance):
        value = jnp.exp(-0.5 * jnp.square(distance / sigma))
        return jnp.where(jnp.abs(distance) <= radius, value, 0.0)

    weight = tap(pixel - out)
    weight += jnp.where(pixel > 0, tap(-pixel - out), 0.0)
    weight += jnp.where(pixel < size - 1, tap(2 * (size - 1) - pixel - out), 0.0)
    weight = weight / jnp.sum(weight, axis=1, keepdims=True)
    return jnp.where(on, weight, (pixel == out).astype(weight.dtype))
