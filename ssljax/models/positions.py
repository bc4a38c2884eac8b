"""Where a token is, on a grid of any rank: fixed sines and cosines, learned tables fitted to other
grids, and rotations of queries and keys."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.errors import unknown

Grid = tuple[int, ...]


def sincos(grid: Grid, width: int, *, trained_on: Grid | None = None) -> np.ndarray:
    """Return fixed positions of the cells of a grid of n axes, float32[cells, width].

    Each axis has a part of a vector, the last axis first, as in the official MAE (column, row). A
    part is [sin(t w_i), cos(t w_i)] with w_i = 10000^(-i / m), i < m = width / (2n). In three
    dimensions m is rounded up where it must be, and the end of the vector cut off (V-JEPA).

    Args:
      grid: cells along each axis.
      width: of the vectors, divisible by 2n if there are at most two axes.
      trained_on: the grid whose coordinates to use: a smaller or larger `grid` is spread over the
        same area, so that a crop of another size sees positions of the same range.

    Raises:
      ValueError: `width` is not divisible by 2n.

    He et al. 2021, arXiv:2111.06377; facebookresearch/mae, util/pos_embed.py. Bardes et al. 2024,
    arXiv:2404.08471; facebookresearch/jepa, src/models/utils/pos_embs.py (uniform_power).
    """
    rank = len(grid)
    if rank < 3 and width % (2 * rank):
        raise ValueError(
            f"width must be divisible by {2 * rank} for sincos positions on a grid of {rank} "
            f"{'axis' if rank == 1 else 'axes'}, got {width}"
        )
    count = -(-width // (2 * rank))
    frequencies = 10000.0 ** -(np.arange(count) / count)

    def encode(t: np.ndarray) -> np.ndarray:
        angles = t.reshape(-1, 1) * frequencies
        return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)

    axes = np.meshgrid(*coordinates(grid, trained_on or grid), indexing="ij")
    parts = [encode(axis) for axis in reversed(axes)]
    return np.concatenate(parts, axis=1)[:, :width].astype(np.float32)


def sincos_numbered(grid: Grid, width: int, *, trained_on: Grid | None = None) -> np.ndarray:
    """Return fixed positions of the cells of a grid by their number alone, float32[cells, width].

    Entry 2i is sin(t w_i) and entry 2i + 1 is cos(t w_i), with w_i = 10000^(-2i / width). Cells are
    numbered row-major: neighbours along any axis but the last lie far apart.

    Args:
      grid: cells along each axis.
      width: of the vectors.
      trained_on: the grid whose numbers to use: a smaller or larger `grid` is spread over the same
        area, and has numbers between.

    Vaswani et al. 2017, arXiv:1706.03762; MCG-NJU/VideoMAE, modeling_finetune.py
    (get_sinusoid_encoding_table).
    """
    made_for, entries, numbers = trained_on or grid, np.arange(width), 0.0
    for axis, at in enumerate(np.meshgrid(*coordinates(grid, made_for), indexing="ij")):
        numbers = numbers + at.ravel() * math.prod(made_for[axis + 1 :])
    angles = numbers[:, None] * 10000.0 ** -(2 * (entries // 2) / width)
    return np.where(entries % 2, np.cos(angles), np.sin(angles)).astype(np.float32)


FIXED = {"sincos": sincos, "sincos_numbered": sincos_numbered}


def coordinates(grid: Grid, trained_on: Grid) -> list[np.ndarray]:
    """Return for each axis where its cells are, in cells of another grid over the same area."""
    return [(np.arange(n) + 0.5) * of / n - 0.5 for n, of in zip(grid, trained_on, strict=True)]


def cells(grid: Grid, trained_on: Grid) -> jax.Array:
    """Return the coordinates of all cells, row-major, float[1, cells, n], see `coordinates`."""
    axes = np.meshgrid(*coordinates(grid, trained_on), indexing="ij")
    return jnp.asarray(np.stack(axes, axis=-1).reshape(1, -1, len(grid)))


# How positions are fitted to another grid: what official codes add to the number of cells before
# they divide by the old one, None where there is another filter.
INTERPOLATIONS = {
    "lowpass": None,  # timm, Hugging Face's DINOv2 with registers
    "bicubic": 0.0,  # MSN, Hugging Face's ViT, ViT-MAE, DINOv2 and I-JEPA
    "bicubic_offset": 0.1,  # DINO, iBOT, DINOv2
}


def resample(table: jax.Array, trained_on: Grid, grid: Grid, *, how: str = "lowpass") -> jax.Array:
    """Fit learned positions [cells, D] to another grid by cubic interpolation along each axis.

    Args:
      table: the positions, row-major.
      trained_on: the grid that they are of.
      grid: the other one, of the same rank.
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
    maps = table.astype(jnp.float32).reshape(*trained_on, -1)
    offset = INTERPOLATIONS[how]
    if offset is None:
        maps = jax.image.resize(maps, (*grid, table.shape[-1]), "cubic")
    else:
        first, *rest = (_bicubic(n, of, offset) for n, of in zip(grid, trained_on, strict=True))
        old, new = "hwt"[: len(grid)], "pqr"[: len(grid)]
        others = "".join(f",{b}{a}" for a, b in zip(old[1:], new[1:], strict=True))
        product = f"ph,{old}d{others}->{new}d"
        maps = jnp.einsum(product, first, maps, *rest, precision="highest")
    return maps.reshape(math.prod(grid), -1).astype(table.dtype)


def rotary_angles(places: jax.Array, size: int) -> jax.Array:
    """Return the angles by which queries and keys of heads of width `size` are turned.

    Each of the n axes has floor(size / 2n) of the size / 2 pairs of a head, turned by t 10000^(-i /
    m), i < m = floor(size / 2n); pairs left over are not turned.

    Args:
      places: float[..., n], the coordinates of tokens.
      size: width of a head, even.

    Returns:
      float32[..., size / 2].

    Raises:
      ValueError: a head is too narrow for a pair for each axis, or of odd width.

    Su et al. 2021, arXiv:2104.09864; along each axis as Heo et al. 2024, arXiv:2403.13298.
    """
    rank = places.shape[-1]
    count = size // (2 * rank)
    if count < 1 or size % 2:
        raise ValueError(
            f"width / heads must be even and at least {2 * rank} for rotary positions, got {size}"
        )
    frequencies = 10000.0 ** -(np.arange(count, dtype=np.float32) / count)
    angles = places.astype(jnp.float32)[..., None] * frequencies
    angles = angles.reshape(*places.shape[:-1], rank * count)
    return jnp.pad(angles, [(0, 0)] * (places.ndim - 1) + [(0, size // 2 - rank * count)])


def rotary_angles_v_jepa2(places: jax.Array, size: int) -> jax.Array:
    """Return an angle for each channel of a head, as V-JEPA 2's code turns queries and keys.

    Each of the n axes has 2m of the channels, m = floor(size / 2n), in which neighbours are pairs.
    Channel j has the angle t 10000^(-(j mod m) / m), so that the two of a pair have different ones,
    and the product of a query and a key depends on more than the difference of their positions.
    The code says that this was not meant; the published weights are made for it.

    Args and errors are those of `rotary_angles`.

    Returns:
      float32[..., size], 0 for channels left over.

    Assran et al. 2025, arXiv:2506.09985; facebookresearch/vjepa2, src/models/utils/modules.py
    (rotate_queries_or_keys).
    """
    rank = places.shape[-1]
    angles = rotary_angles(places, size)[..., : rank * (size // (2 * rank))]
    angles = angles.reshape(*places.shape, -1)
    angles = jnp.concatenate([angles, angles], axis=-1).reshape(*places.shape[:-1], -1)
    return jnp.pad(angles, [(0, 0)] * (places.ndim - 1) + [(0, size - angles.shape[-1])])


ROTARY = {"rotary": rotary_angles, "rotary_v_jepa2": rotary_angles_v_jepa2}


def rotate(x: jax.Array, angles: jax.Array) -> jax.Array:
    """Turn the pairs (x_i, x_{i + d/2}) of x[B, H, N, d] by angles[1 or B, N, d/2].

    The product of a query and a key then depends on their positions by the difference alone. With
    an angle for each channel, angles[1 or B, N, d], the pairs are (x_2i, x_{2i + 1}).
    """
    cos, sin = jnp.cos(angles)[:, None], jnp.sin(angles)[:, None]
    if angles.shape[-1] == x.shape[-1]:
        wide = x.astype(jnp.float32)
        pairs = wide.reshape(*x.shape[:-1], -1, 2)
        turned = jnp.stack([-pairs[..., 1], pairs[..., 0]], axis=-1).reshape(x.shape)
        return (wide * cos + turned * sin).astype(x.dtype)
    one, other = jnp.split(x.astype(jnp.float32), 2, axis=-1)
    turned = jnp.concatenate([one * cos - other * sin, other * cos + one * sin], axis=-1)
    return turned.astype(x.dtype)


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
