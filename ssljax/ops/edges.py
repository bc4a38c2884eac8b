"""Edges of images: how strongly the brightness changes, and nothing of colour."""

import jax
import jax.numpy as jnp

from ssljax.ops.normalize import at_least_float32

_LEAST = 1e-6  # added to the deviation: an image without edges stays 0


def edges(images: jax.Array) -> jax.Array:
    """Return the strength of edges, standardised by image.

    Sobel's filters of the mean of the channels, with borders repeated: the root of the squares'
    sum, less its mean over the image, divided by its deviation.

    Args:
      images: float[B, H, W, C], of any range: edges do not depend on offset and scale.

    Returns:
      [B, H, W, 1], at least float32; 0 where the image is of one value.

    Raises:
      ValueError: the shape is another.

    >>> step = jnp.zeros((1, 4, 6, 1)).at[:, :, 3:].set(1.0)
    >>> (edges(step)[0, 0, :, 0] > 0).tolist()
    [False, False, True, True, False, False]
    """
    if images.ndim != 4:
        raise ValueError(f"images must be [B, H, W, C], got the shape {images.shape}")
    grey = at_least_float32(images).mean(axis=-1)
    padded = jnp.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="edge")
    smooth_rows = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    smooth_columns = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
    across = smooth_rows[:, :, 2:] - smooth_rows[:, :, :-2]
    down = smooth_columns[:, 2:] - smooth_columns[:, :-2]
    squares = jnp.square(across) + jnp.square(down)
    # The root has no derivative at 0; nobody asks for one, but NaN must not arise.
    strength = jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1.0)), 0.0)
    mean = strength.mean(axis=(1, 2), keepdims=True)
    deviation = strength.std(axis=(1, 2), keepdims=True)
    return ((strength - mean) / (deviation + _LEAST))[..., None]
