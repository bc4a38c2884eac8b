"""Patches of an image, and random masks over them with a static number of visible ones."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from einops import rearrange


class Mask(NamedTuple):
    """Which of N patches are visible, per example.

    Attributes:
      keep: int32[B, K], the indices of the visible patches, in random order.
      restore: int32[B, N], the place of every patch in the shuffled order; the first K places are
        the visible ones, so concat(visible, mask tokens)[restore] puts them back in order.
      masked: bool[B, N], True where the patch is hidden.
    """

    keep: jax.Array
    restore: jax.Array
    masked: jax.Array


def random_mask(keys: jax.Array, *, patches: int, ratio: float) -> Mask:
    """Hide a random subset of the patches, of the same size for every example (MAE).

    K = floor(N * (1 - ratio)) patches stay visible. Unlike the official code the product is rounded
    to 6 decimals first: in floating point 10 * (1 - 0.9) is below 1.

    Args:
      keys: typed keys of shape [B], one per example.
      patches: N, the number of patches per example.
      ratio: the share that is hidden, above 0 and below 1.

    Returns:
      A `Mask`.

    Raises:
      ValueError: keys are not [B], or no patch would be visible, or none hidden.

    MAE, https://arxiv.org/abs/2111.06377; facebookresearch/mae, models_mae.py (random_masking).

    >>> mask = random_mask(jax.random.split(jax.random.key(0), 2), patches=16, ratio=0.75)
    >>> mask.keep.shape, mask.masked.sum(axis=1).tolist()
    ((2, 4), [12, 12])
    """
    if keys.ndim != 1:
        raise ValueError(f"keys must have shape [B], got {list(keys.shape)}")
    visible = int(round(patches * (1 - ratio), 6))
    if not 0 < visible < patches:
        raise ValueError(
            f"ratio must hide some of the {patches} patches and leave some, got {ratio}, "
            f"which leaves {visible}"
        )
    noise = jax.vmap(lambda key: jax.random.uniform(key, (patches,)))(keys)
    shuffled = jnp.argsort(noise, axis=1)
    restore = jnp.argsort(shuffled, axis=1)
    return Mask(
        keep=shuffled[:, :visible].astype(jnp.int32),
        restore=restore.astype(jnp.int32),
        masked=restore >= visible,
    )


def patchify(images: jax.Array, *, patch: int) -> jax.Array:
    """Cut images into square patches in MAE's layout, (h w) patches of (p q c) values.

    Args:
      images: [B, H, W, C].
      patch: the side P of a patch in pixels; it divides H and W.

    Returns:
      [B, (H/P)*(W/P), P*P*C], of the images' dtype.

    Raises:
      ValueError: the images are not [B, H, W, C], or the patch does not divide their sides.

    >>> patchify(jnp.arange(16.0).reshape(1, 4, 4, 1), patch=2)[0, 1].tolist()
    [2.0, 3.0, 6.0, 7.0]
    """
    if images.ndim != 4:
        raise ValueError(f"images must have shape [B, H, W, C], got {list(images.shape)}")
    _check_grid(images.shape[1:3], patch)
    return rearrange(images, "b (h p) (w q) c -> b (h w) (p q c)", p=patch, q=patch)


def unpatchify(patches: jax.Array, *, patch: int, size: tuple[int, int]) -> jax.Array:
    """Put patches back together: the inverse of `patchify`.

    Args:
      patches: [B, N, P*P*C].
      patch: the side P of a patch in pixels.
      size: the (height, width) of the images in pixels.

    Returns:
      [B, H, W, C], of the patches' dtype.

    Raises:
      ValueError: the patches do not tile images of that size.

    >>> images = jnp.arange(48.0).reshape(1, 4, 6, 2)
    >>> bool((unpatchify(patchify(images, patch=2), patch=2, size=(4, 6)) == images).all())
    True
    """
    rows, columns = _check_grid(size, patch)
    if patches.ndim != 3 or patches.shape[1] != rows * columns or patches.shape[2] % patch**2:
        raise ValueError(
            f"patches must have shape [B, {rows * columns}, {patch**2} * channels] for images of "
            f"{size[0]} x {size[1]} pixels, got {list(patches.shape)}"
        )
    return rearrange(
        patches, "b (h w) (p q c) -> b (h p) (w q) c", h=rows, w=columns, p=patch, q=patch
    )


def _check_grid(size: tuple[int, int], patch: int) -> tuple[int, int]:
    height, width = size
    if patch <= 0 or height % patch or width % patch:
        raise ValueError(
            f"patch must divide the image's height {height} and width {width}, got {patch}"
        )
    return height // patch, width // patch
