"""Tiles of an image: one from each cell of a grid, at a random position within its cell."""

import jax
import jax.numpy as jnp
import numpy as np
from einops import rearrange

from ssljax.ops.augment import crop_and_resize


def random_tiles(
    keys: jax.Array,
    images: jax.Array,
    *,
    grid: int,
    tile: int,
    jitter: float = 1.0,
    size: int | None = None,
) -> jax.Array:
    """Cut one square tile out of every cell of a grid x grid division of each image.

    The side of a cell is S // grid pixels, r = S // grid - tile more than that of its tile. The
    first row and column of the tile within the cell are integers drawn between r/2 (1 - jitter) and
    r/2 (1 + jitter). So neighbours are at least r (1 - jitter) pixels apart, r on average, and
    lines or shades that continue across the border do not reveal the positions.

    Args:
      keys: typed keys of shape [B], one per example.
      images: float[B, S, S, C].
      grid: cells in a row, at least 1.
      tile: side of a tile in pixels, at most S // grid.
      jitter: 0 for tiles in the middle of their cells, 1 for tiles that may touch the borders of
        their cells.
      size: side in pixels to which tiles are resized; None for no resize.

    Returns:
      float32[B, grid^2, size, size, C], row-major.

    Raises:
      ValueError: images are not square, tiles do not fit into their cells, or the jitter is outside
        of [0, 1].

    Jigsaw, https://arxiv.org/abs/1603.09246: 64 of 75 pixels, jitter 1. Context prediction,
    https://arxiv.org/abs/1505.05192: 96 of 144 pixels, jitter 7/24, which is 7 pixels.

    >>> image = jnp.arange(36.0).reshape(1, 6, 6, 1)
    >>> keys = jax.random.split(jax.random.key(0), 1)
    >>> random_tiles(keys, image, grid=3, tile=2)[0, 5, :, :, 0].tolist()
    [[16.0, 17.0], [22.0, 23.0]]
    """
    if images.ndim != 4 or images.shape[1] != images.shape[2]:
        raise ValueError(f"images must have shape [B, S, S, C], got {list(images.shape)}")
    cell = images.shape[1] // max(grid, 1)
    if grid < 1 or not 1 <= tile <= cell:
        raise ValueError(
            f"tile={tile} pixels must be from 1 to the {cell} of a cell, for images of "
            f"{images.shape[1]} pixels and grid={grid}"
        )
    if not 0 <= jitter <= 1:
        raise ValueError(f"jitter must lie in [0, 1], got {jitter}")
    room = cell - tile
    low = int(np.ceil(room / 2 * (1 - jitter)))
    high = max(low, int(np.floor(room / 2 * (1 + jitter))))
    row, column = np.divmod(np.arange(grid**2), grid)
    cells = np.stack([row, column], axis=1) * cell
    sides = (size or tile,) * 2

    def cut(key, image):
        corners = cells + jax.random.randint(key, cells.shape, low, high + 1)
        boxes = jnp.concatenate([corners, jnp.full_like(corners, tile)], axis=1)
        # Whole pixels without a change of size: each weight of the resize is 0 or 1.
        take = jax.vmap(crop_and_resize, in_axes=(None, 0, None))
        return take(image, boxes.astype(jnp.float32), sides)

    return jax.vmap(cut)(keys, images)


def standardize_colors(tiles: jax.Array) -> jax.Array:
    """Scale every tile to mean 0 and standard deviation 1, over its pixels and channels together.

    Otherwise equal brightness or contrast would reveal which tiles are neighbours. As in
    TensorFlow's per_image_standardization, the deviation is at least 1 / sqrt(number of values), so
    a tile of one colour becomes zero.

    Args:
      tiles: float[..., H, W, C].

    Returns:
      float32, of the same shape.

    >>> tile = jnp.array([1.0, 3.0, 3.0, 1.0]).reshape(1, 2, 2, 1)
    >>> standardize_colors(tile).ravel().tolist()
    [-1.0, 1.0, 1.0, -1.0]
    """
    axes = (-3, -2, -1)
    tiles = tiles.astype(jnp.float32)
    centred = tiles - jnp.mean(tiles, axis=axes, keepdims=True)
    variance = jnp.mean(jnp.square(centred), axis=axes, keepdims=True)
    # Bounded before the square root, whose slope at 0 is infinite.
    return centred * jax.lax.rsqrt(jnp.maximum(variance, 1 / np.prod(tiles.shape[-3:])))


def distinct(keys: jax.Array, *, count: int, of: int) -> jax.Array:
    """Draw `count` different integers from 0 ... of-1 for every example.

    Args:
      keys: typed keys of shape [B].
      count: how many integers, from 1 to `of`.
      of: the number of integers to draw from.

    Returns:
      int32[B, count].

    Raises:
      ValueError: the count is out of range.

    >>> drawn = distinct(jax.random.split(jax.random.key(0), 5), count=3, of=3)
    >>> jnp.sort(drawn, axis=1).tolist() == [[0, 1, 2]] * 5
    True
    """
    if not 1 <= count <= of:
        raise ValueError(f"count must be from 1 to {of}, got {count}")
    drawn = jax.vmap(lambda key: jax.random.permutation(key, of))(keys)
    return drawn[:, :count].astype(jnp.int32)


def project_colors(images: jax.Array) -> jax.Array:
    """Remove the green-magenta axis, which reveals the position of a tile in a photograph.

    Lenses refract green differently from red and blue (chromatic aberration), and more so far from
    the centre. x <- x B with B = I - a a' / (a' a) and a = (-1, 2, -1).

    Args:
      images: float[..., 3].

    Returns:
      An array like images.

    Raises:
      ValueError: there are not three channels.

    Context prediction, https://arxiv.org/abs/1505.05192 (section 3.1, "projection").

    >>> project_colors(jnp.array([[0.0, 6.0, 0.0], [5.0, 5.0, 5.0]])).round(3).tolist()
    [[2.0, 2.0, 2.0], [5.0, 5.0, 5.0]]
    """
    _require_colors(images)
    green_magenta = np.array([-1.0, 2.0, -1.0]) / np.sqrt(6)
    along = jnp.sum(images * green_magenta, axis=-1, keepdims=True)
    return (images - along * green_magenta).astype(images.dtype)


def drop_colors(keys: jax.Array, tiles: jax.Array) -> jax.Array:
    """Keep one channel of every tile and replace the two others by weak noise.

    The noise is Gaussian with a hundredth of the standard deviation of the channel that is kept.

    Args:
      keys: typed keys of shape [B], one per example.
      tiles: float[B, T, H, W, 3], normalised, of mean about 0.

    Returns:
      An array like tiles.

    Raises:
      ValueError: there are not three channels.

    Context prediction, https://arxiv.org/abs/1505.05192 (section 3.1, "color dropping").

    >>> tiles = jax.random.normal(jax.random.key(0), (1, 1, 8, 8, 3))
    >>> dropped = drop_colors(jax.random.split(jax.random.key(1), 1), tiles)
    >>> (jnp.std(dropped, axis=(0, 1, 2, 3)) > 0.5).sum().item()
    1
    """
    _require_colors(tiles)

    def drop(key, tiles):
        which, noise = jax.random.split(key)
        kept = jax.random.randint(which, (len(tiles),), 0, 3)
        kept = rearrange(jnp.arange(3) == kept[:, None], "t c -> t 1 1 c")
        one = jnp.sum(jnp.where(kept, tiles, 0), axis=-1, keepdims=True)
        deviation = jnp.std(one, axis=(1, 2), keepdims=True)
        return jnp.where(kept, tiles, 0.01 * deviation * jax.random.normal(noise, tiles.shape))

    return jax.vmap(drop)(keys, tiles)


def _require_colors(images: jax.Array) -> None:
    if images.shape[-1] != 3:
        raise ValueError(f"images must have 3 channels, got the shape {list(images.shape)}")
