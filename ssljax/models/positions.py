"""Where a patch is: fixed sines and cosines, and learned tables fitted to another grid."""

import jax
import jax.numpy as jnp
import numpy as np
from einops import rearrange

from ssljax.errors import unknown

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


# How positions are fitted to another grid: what official codes add to the number of cells before
# they divide by the old one, None where there is another filter.
INTERPOLATIONS = {
    "lowpass": None,
    "bicubic": 0.0,  # MSN
    "bicubic_offset": 0.1,  # DINO, iBOT, DINOv2
}


def resample(table: jax.Array, trained_on: Grid, grid: Grid, *, how: str = "lowpass") -> jax.Array:
    """Fit learned positions [rows columns, D] to another grid by bicubic interpolation.

    Args:
      table: the positions, row-major.
      trained_on: the grid that they are of.
      grid: the other one.
      how: "lowpass": Keys' cubic (a = -0.5), widened where the grid shrinks, so that fine changes
        are averaged out. "bicubic": PyTorch's `interpolate` (a = -0.75), which is never widened.
        "bicubic_offset": the same, told a scale of (n + 0.1) / m from m to n cells, as official
        codes do so that rounding loses no cell; n cells then cover a little less than the image.

    Raises:
      UserError: `how` is none of these.

    Caron et al. 2021, arXiv:2104.14294; facebookresearch/dino, vision_transformer.py
    (interpolate_pos_encoding).
    """
    if how not in INTERPOLATIONS:
        raise unknown("positions_interpolation", how, INTERPOLATIONS)
    if grid == trained_on:
        return table
    rows, columns = trained_on
    maps = rearrange(table.astype(jnp.float32), "(h w) d -> h w d", h=rows, w=columns)
    offset = INTERPOLATIONS[how]
    if offset is None:
        maps = jax.image.resize(maps, (*grid, table.shape[-1]), "cubic")
    else:
        along = [_bicubic(n, of, offset) for n, of in zip(grid, trained_on, strict=True)]
        maps = jnp.einsum("ph,hwd,qw->pqd", along[0], maps, along[1], precision="highest")
    return rearrange(maps, "h w d -> (h w) d").astype(table.dtype)


def _bicubic(count: int, of: int, offset: float) -> np.ndarray:
    """Return float32[count, of], what each of the old cells counts in each of the new ones."""
    at = (np.arange(count) + 0.5) * of / (count + offset) - 0.5
    first = np.floor(at).astype(int)
    weights, cells = np.zeros((count, of)), np.arange(count)
    for tap in range(-1, 3):
        # What lies outside repeats the border.
        np.add.at(weights, (cells, np.clip(first + tap, 0, of - 1)), _cubic(at - first - tap))
    return weights.astype(np.float32)


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution kernel with PyTorch's a = -0.75, on [-2, 2]."""
    a, x = -0.75, np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, far)


def _coordinates(count: int, of: int) -> np.ndarray:
    return (np.arange(count) + 0.5) * of / count - 0.5
