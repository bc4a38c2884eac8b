"""Arrays cut into patches, in one, two or three dimensions."""

import math
from collections.abc import Sequence

import jax
from einops import rearrange


def patchify(x: jax.Array, *, patch: int | Sequence[int]) -> jax.Array:
    """Cut examples into patches in MAE's layout: row-major patches of row-major values.

    Args:
      x: [B, S1, ..., Sn, C], such as images [B, H, W, C] or series [B, T, C].
      patch: the sides P1, ..., Pn of a patch; one number stands for n equal sides.

    Returns:
      [B, (S1/P1)*...*(Sn/Pn), P1*...*Pn*C], of the dtype of `x`.

    Raises:
      ValueError: the patches do not tile the examples.

    >>> import jax.numpy as jnp
    >>> patchify(jnp.arange(16.0).reshape(1, 4, 4, 1), patch=2)[0, 1].tolist()
    [2.0, 3.0, 6.0, 7.0]
    """
    if x.ndim < 3:
        raise ValueError(f"examples must have shape [B, sides..., C], got {list(x.shape)}")
    sides = _sides(patch, x.ndim - 2)
    patch_grid(x.shape[1:-1], sides)
    cut, patches, values = _axes(sides)
    return rearrange(x, f"b {cut} c -> b ({patches}) ({values} c)", **_lengths("p", sides))


def unpatchify(patches: jax.Array, *, patch: int | Sequence[int], size: Sequence[int]) -> jax.Array:
    """Put patches back together: the inverse of `patchify`.

    Args:
      patches: [B, N, P1*...*Pn*C].
      patch: the sides of a patch, or one number for n equal ones.
      size: the sides S1, ..., Sn of an example.

    Returns:
      [B, S1, ..., Sn, C], of the patches' dtype.

    Raises:
      ValueError: the patches do not tile examples of that size.

    >>> import jax.numpy as jnp
    >>> images = jnp.arange(48.0).reshape(1, 4, 6, 2)
    >>> bool((unpatchify(patchify(images, patch=2), patch=2, size=(4, 6)) == images).all())
    True
    """
    sides = _sides(patch, len(size))
    grid = patch_grid(size, sides)
    count, values = math.prod(grid), math.prod(sides)
    if patches.ndim != 3 or patches.shape[1] != count or patches.shape[2] % values:
        raise ValueError(
            f"patches must have shape [B, {count}, {values} * channels] for examples of size "
            f"{tuple(size)}, got {list(patches.shape)}"
        )
    cut, places, within = _axes(sides)
    lengths = {**_lengths("g", grid), **_lengths("p", sides)}
    return rearrange(patches, f"b ({places}) ({within} c) -> b {cut} c", **lengths)


def patch_grid(size: Sequence[int], patch: Sequence[int]) -> tuple[int, ...]:
    """Return the number of patches along each axis of an example.

    Raises:
      ValueError: the patches do not tile it.

    >>> patch_grid((224, 112), (16, 16))
    (14, 7)
    """
    pairs = list(zip(size, patch, strict=True))
    if any(side < 1 or of % side for of, side in pairs):
        raise ValueError(f"patch {tuple(patch)} must divide the sides {tuple(size)}")
    return tuple(of // side for of, side in pairs)


def _sides(patch: int | Sequence[int], rank: int) -> tuple[int, ...]:
    sides = (patch,) * rank if isinstance(patch, int) else tuple(patch)
    if len(sides) != rank:
        raise ValueError(f"patch {sides} must have a side for each of {rank} axes")
    return sides


def _axes(sides: Sequence[int]) -> tuple[str, str, str]:
    """Return for two sides: "(g0 p0) (g1 p1)", "g0 g1", "p0 p1"."""
    axes = range(len(sides))
    return tuple(" ".join(form.format(i) for i in axes) for form in ("(g{0} p{0})", "g{0}", "p{0}"))


def _lengths(letter: str, sides: Sequence[int]) -> dict[str, int]:
    return {f"{letter}{i}": side for i, side in enumerate(sides)}
