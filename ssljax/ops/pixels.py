"""The range of images: all of that of uint8 or uint16, or floats from 0 to 1; nothing else."""

import jax
import jax.numpy as jnp
import numpy as np


def unit_range(images: jax.Array | np.ndarray) -> jax.Array:
    """Return images as float32 in [0, 1].

    Args:
      images: uint8 (from 0 to 255), uint16 (to 65,535), or floats, which are in [0, 1] already; any
        shape.

    Raises:
      TypeError: the images are neither.
      ValueError: NumPy floats lie outside of [0, 1]. Arrays on a device are not checked.

    >>> print(unit_range(np.array([0, 255], np.uint8)), unit_range(np.array([0.0, 0.2])))
    [0. 1.] [0.  0.2]
    """
    check_range(images)
    if images.dtype in (jnp.uint8, jnp.uint16):
        return jnp.asarray(images).astype(jnp.float32) / jnp.iinfo(images.dtype).max
    return jnp.asarray(images).astype(jnp.float32)


def check_range(images: jax.Array | np.ndarray) -> None:
    """Raise what `unit_range` raises."""
    if images.dtype in (jnp.uint8, jnp.uint16):
        return
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise TypeError(
            f"images have dtype {images.dtype}; they must be uint8, uint16, or floating in [0, 1]"
        )
    if isinstance(images, np.ndarray) and not ((images >= 0) & (images <= 1)).all():
        raise ValueError(
            f"floating images must lie in [0, 1], these are from {images.min()} to {images.max()}; "
            "divide by their range, or give uint8 from 0 to 255"
        )
