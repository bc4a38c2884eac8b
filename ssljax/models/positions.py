"""Where a patch is: fixed sines and cosines, and learned tables fitted to another grid."""

import jax
import jax.numpy as jnp
import numpy as np
from einops import rearrange

Grid = tuple[int, int]


def sincos2d(grid: Grid, width: int, *, trained_on: Grid | None = None) -> np.ndarray:
    """Return fixed two-dimensional positions, float32[rows columns, width].

    The first half of a vector encodes the column, the second the row, as in the official MAE; each
    half is [sin(t w_i), cos(t w_i)] with w_i = 10000^(-i / (width / 4)), i < width / 4.

    Args:
      grid: (rows, columns) of patches.
      width: of the vectors, divisible by 4.
      trained_on: the grid whose coordinates to use: a smaller or larger `grid` is spread over the
        same area, so that a crop of another size sees positions of the same range.

    Raises:
      ValueError: `width` is not divisible by 4.

    He et al. 2021, arXiv:2111.06377; facebookresearch/mae, util/pos_embed.py.
    """
    if width % 4:
        raise ValueError(f"width must be divisible by 4 for sincos2d positions, got {width}")
    rows, columns = (_coordinates(n, of) for n, of in zip(grid, trained_on or grid, strict=True))
    frequencies = 10000.0 ** -(np.arange(width // 4) / (width / 4))

    def encode(t: np.ndarray) -> np.ndarray:
        angles = t.reshape(-1, 1) * frequencies
        return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)

    row, column = np.meshgrid(rows, columns, indexing="ij")
    return np.concatenate([encode(column), encode(row)], axis=1).astype(np.float32)


def resample(table: jax.Array, trained_on: Grid, grid: Grid) -> jax.Array:
    """Fit learned positions [rows columns, D] to another grid by bicubic interpolation.

    The cubic is Keys' (a = -0.5), with a low-pass when shrinking. PyTorch's, which DINO uses, has
    a = -0.75 and no low-pass; that matters only for weights trained there and used at another size.
    """
    if grid == trained_on:
        return table
    rows, columns = trained_on
    maps = rearrange(table, "(h w) d -> h w d", h=rows, w=columns)
    maps = jax.image.resize(maps.astype(jnp.float32), (*grid, table.shape[-1]), "cubic")
    return rearrange(maps, "h w d -> (h w) d").astype(table.dtype)


def _coordinates(count: int, of: int) -> np.ndarray:
    return (np.arange(count) + 0.5) * of / count - 0.5
