"""Masking of a square region of an image."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ssljax.ops.augment import crop_and_resize

REGIONS = ("center", "random")


class MaskedRegion(NamedTuple):
    """Images with a masked square, and the pixels of the square.

    Attributes:
      rest: float32[B, H, W, C], 0 in the masked square.
      hidden: float32[B, side, side, C], the pixels of the masked square.
    """

    rest: jax.Array
    hidden: jax.Array


def mask_region(keys: jax.Array, images: jax.Array, *, side: int, region: str) -> MaskedRegion:
    """Set a square of every image to 0, which is the mean of normalised images.

    Args:
      keys: typed keys of shape [B], one per example, for the random region.
      images: float[B, H, W, C], normalised.
      side: side of the square in pixels, less than H and W.
      region: "center", or "random" for a square anywhere in the image.

    Returns:
      A `MaskedRegion`.

    Raises:
      ValueError: images are not [B, H, W, C], the square does not fit, or the region is unknown.

    Context encoders, https://arxiv.org/abs/1604.07379; pathak22/context-encoder, train.lua.

    >>> image = jnp.arange(1.0, 17.0).reshape(1, 4, 4, 1)
    >>> masked = mask_region(jax.random.split(jax.random.key(0), 1), image, side=2, region="center")
    >>> masked.hidden.ravel().tolist()
    [6.0, 7.0, 10.0, 11.0]
    >>> masked.rest[0, 1, :, 0].tolist()
    [5.0, 0.0, 0.0, 8.0]
    """
    if images.ndim != 4:
        raise ValueError(f"images must have shape [B, H, W, C], got {list(images.shape)}")
    height, width = images.shape[1:3]
    if not 1 <= side < min(height, width):
        raise ValueError(
            f"side must be at least 1 and below the {min(height, width)} pixels of an image, "
            f"got {side}"
        )
    if region not in REGIONS:
        raise ValueError(f"region must be one of {', '.join(REGIONS)}, got {region!r}")
    room = jnp.array([height - side, width - side])

    def cut(key, image):
        corner = room // 2 if region == "center" else jax.random.randint(key, (2,), 0, room + 1)
        box = jnp.concatenate([corner, jnp.array([side, side])]).astype(jnp.float32)
        rows, columns = (
            (jnp.arange(size) >= corner[axis]) & (jnp.arange(size) < corner[axis] + side)
            for axis, size in enumerate((height, width))
        )
        inside = (rows[:, None] & columns)[:, :, None]
        # Whole pixels without a change of size: each weight of the resize is 0 or 1.
        return MaskedRegion(jnp.where(inside, 0, image), crop_and_resize(image, box, (side, side)))

    return jax.vmap(cut)(keys, images)
