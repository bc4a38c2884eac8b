"""Patches of an image, and random masks over them in static shapes: scattered, or in blocks."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from einops import rearrange


class Mask(NamedTuple):
    """Which of N patches are visible, per example.

    Attributes:
      keep: int32[B, K], the indices of the visible patches, in any order.
      restore: int32[B, N], the place of every patch in an order whose first K places are those of
        `keep`, so that concat(visible, mask tokens)[restore] puts all back in order.
      masked: bool[B, N], True where the patch is hidden.
    """

    keep: jax.Array
    restore: jax.Array
    masked: jax.Array


class MultiBlock(NamedTuple):
    """Blocks to predict, and patches to predict them from, none of which is in a block.

    Attributes:
      context: int32[B, C], the indices of the patches that are seen.
      targets: int32[B, T, K], the indices of the K patches of each of T blocks; blocks may overlap.
    """

    context: jax.Array
    targets: jax.Array


Grid = tuple[int, int]


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
    _check_keys(keys)
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


def unit_mask(keys: jax.Array, *, grid: Grid, unit: int, ratio: float) -> jax.Array:
    """Hide a random subset of squares of `unit` x `unit` patches (SimMIM).

    The number of hidden squares is the smallest that is at least the given share of them.

    Args:
      keys: typed keys of shape [B], one per example.
      grid: (rows, columns) of patches.
      unit: the side of a square in patches; it divides the grid.
      ratio: the share that is hidden, above 0 and below 1.

    Returns:
      bool[B, N], True where the patch is hidden.

    Raises:
      ValueError: keys are not [B], the squares do not tile the grid, or ratio hides none or all.

    SimMIM, https://arxiv.org/abs/2111.09886; microsoft/SimMIM, data/data_simmim.py (MaskGenerator).

    >>> keys = jax.random.split(jax.random.key(0), 2)
    >>> unit_mask(keys, grid=(4, 4), unit=2, ratio=0.6).sum(axis=1).tolist()
    [12, 12]
    """
    _check_keys(keys)
    rows, columns = grid
    if unit < 1 or rows % unit or columns % unit:
        raise ValueError(f"unit must divide the grid of {rows} x {columns} patches, got {unit}")
    squares = (rows // unit) * (columns // unit)
    count = math.ceil(round(squares * ratio, 6))
    if not 0 < count < squares:
        raise ValueError(
            f"ratio must hide some of the {squares} squares and leave some, got {ratio}, "
            f"which hides {count}"
        )
    hidden = jax.vmap(lambda key: _hide_exactly(key, jnp.zeros(squares, bool), count))(keys)
    hidden = rearrange(hidden, "b (h w) -> b h 1 w 1", h=rows // unit)
    hidden = jnp.broadcast_to(hidden, (len(keys), rows // unit, unit, columns // unit, unit))
    return rearrange(hidden, "b h p w q -> b (h p w q)")


def block_mask(
    keys: jax.Array,
    *,
    grid: Grid,
    count: int | jax.Array,
    smallest: int = 16,
    aspect: tuple[float, float] = (0.3, 1 / 0.3),
    attempts: int = 20,
) -> jax.Array:
    """Hide exactly `count` patches, most of them in rectangular blocks (BEiT, iBOT).

    Blocks are added one by one: an area between `smallest` and what is left to hide, an aspect
    ratio, a place; one that hides nothing new or too much is not used. What `attempts` blocks have
    not filled is filled by single patches, so that the number is exact and the time constant; the
    official codes try for longer and then hide fewer.

    Args:
      keys: typed keys of shape [B], one per example.
      grid: (rows, columns) of patches.
      count: how many patches are hidden, an int, or int[B] for each example (iBOT), perhaps 0.
      smallest: area in patches of the smallest block.
      aspect: least and largest ratio of a block's height to its width, log-uniform between.
      attempts: how many blocks are tried.

    Returns:
      bool[B, N], True where the patch is hidden.

    Raises:
      ValueError: keys are not [B], or a value is out of range.

    BEiT, https://arxiv.org/abs/2106.08254; microsoft/unilm, beit/masking_generator.py.

    >>> keys = jax.random.split(jax.random.key(0), 2)
    >>> block_mask(keys, grid=(14, 14), count=75).sum(axis=1).tolist()
    [75, 75]
    >>> block_mask(keys, grid=(14, 14), count=jnp.array([0, 60])).sum(axis=1).tolist()
    [0, 60]
    """
    _check_keys(keys)
    rows, columns = grid
    if isinstance(count, int) and not 0 < count < rows * columns:
        raise ValueError(f"count must lie between 0 and {rows * columns} patches, got {count}")
    if smallest < 1 or not 0 < aspect[0] <= aspect[1]:
        raise ValueError(f"smallest and aspect must be positive, got {smallest} and {aspect}")
    counts = jnp.broadcast_to(jnp.asarray(count, jnp.int32), keys.shape)
    low, high = (math.log(ratio) for ratio in aspect)

    def one(key: jax.Array, count: jax.Array) -> jax.Array:
        block_key, fill_key = jax.random.split(key)

        def attempt(i: jax.Array, hidden: jax.Array) -> jax.Array:
            u = jax.random.uniform(jax.random.fold_in(block_key, i), (4,))
            left = count - jnp.sum(hidden)
            area, ratio = smallest + u[0] * (left - smallest), jnp.exp(low + u[1] * (high - low))
            height, width = jnp.round(jnp.sqrt(area * ratio)), jnp.round(jnp.sqrt(area / ratio))
            block = _rectangle(u[2:], grid, height, width)
            new = jnp.sum(block & ~hidden)
            used = (height < rows) & (width < columns) & (new > 0) & (new <= left)
            return hidden | (block & used)

        hidden = jax.lax.fori_loop(0, attempts, attempt, jnp.zeros(rows * columns, bool))
        return _hide_exactly(fill_key, hidden, count)

    return jax.vmap(one)(keys, counts)


def multi_block(
    keys: jax.Array,
    *,
    grid: Grid,
    targets: int = 4,
    scale: float = 0.175,
    aspect: tuple[float, float] = (0.75, 1.5),
    context_scale: tuple[float, float] = (0.85, 1.0),
) -> MultiBlock:
    """Choose blocks to predict and a context that lies outside all of them (I-JEPA).

    A target is a block of K = floor(scale N) patches with an aspect ratio drawn for each example;
    where its width does not divide K, the last row is cut short. The context has C = N - T K
    patches, as many as there are in any case: random ones of a large block less the targets, and of
    the rest of the image where that does not hold enough.

    The official code draws one size and shape of target for a batch, and cuts every context down to
    the smallest of the batch from its end, which keeps the top of the image. Its blocks never reach
    the last row and column; these do.

    Args:
      keys: typed keys of shape [B], one per example.
      grid: (rows, columns) of patches.
      targets: T, the number of blocks.
      scale: share of the patches that is in a target.
      aspect: least and largest ratio of a target's height to its width, uniform between.
      context_scale: least and largest share of the image that is in the context's block.

    Returns:
      A `MultiBlock`.

    Raises:
      ValueError: keys are not [B], targets are empty or leave no context, or a value is out of
        range.

    I-JEPA, https://arxiv.org/abs/2301.08243; facebookresearch/ijepa, src/masks/multiblock.py.

    >>> blocks = multi_block(jax.random.split(jax.random.key(0), 2), grid=(14, 14))
    >>> blocks.context.shape, blocks.targets.shape
    ((2, 60), (2, 4, 34))
    """
    _check_keys(keys)
    rows, columns = grid
    size = int(round(rows * columns * scale, 6))
    context = rows * columns - targets * size
    if targets < 1 or size < 1 or context < 1:
        raise ValueError(
            f"targets * scale must leave some of the {rows * columns} patches as context, got "
            f"{targets} targets of {size} patches"
        )
    if not 0 < aspect[0] <= aspect[1] or not 0 < context_scale[0] <= context_scale[1] <= 1:
        raise ValueError(
            "aspect must be positive and context_scale in (0, 1], both ascending, got "
            f"{aspect} and {context_scale}"
        )

    def one(key: jax.Array) -> MultiBlock:
        shape_key, place_key, context_key, order_key = jax.random.split(key, 4)
        ratio, share = jax.random.uniform(shape_key, (2,))
        ratio = aspect[0] + ratio * (aspect[1] - aspect[0])
        share = context_scale[0] + share * (context_scale[1] - context_scale[0])

        height = jnp.round(jnp.sqrt(size * ratio)).astype(jnp.int32)
        height = jnp.clip(height, -(-size // columns), min(rows, size))
        width = -(-size // height)
        room = jnp.stack([rows - -(-size // width), columns - width]) + 1
        top, left = jnp.floor(jax.random.uniform(place_key, (targets, 2)) * room).T.astype(int)
        cell = jnp.arange(size)
        blocks = (top[:, None] + cell // width) * columns + left[:, None] + cell % width

        corner = jax.random.uniform(context_key, (2,))
        side = jnp.sqrt(share)
        inside = _rectangle(corner, grid, jnp.round(rows * side), jnp.round(columns * side))
        # The targets last, what is outside of the block before them.
        score = (jax.random.uniform(order_key, inside.shape) + inside).at[blocks].set(-1.0)
        seen = jnp.argsort(-score)[:context]
        return MultiBlock(seen.astype(jnp.int32), blocks.astype(jnp.int32))

    return jax.vmap(one)(keys)


def inverse_block_mask(
    keys: jax.Array, *, grid: Grid, ratio: float = 0.8, block: int = 3, adjust: float = 0.07
) -> Mask:
    """Leave blocks visible and hide the rest, the same number for every example (data2vec 2.0).

    Squares of `block` x `block` patches are left visible around random centres, cut off where they
    stick out of the grid, with room for a share of 1 - ratio + adjust of the patches. Single
    patches are then hidden or uncovered at random until floor(N (1 - ratio)) are visible.

    Args:
      keys: typed keys of shape [B], one per example, or per mask of an example.
      grid: (rows, columns) of patches.
      ratio: the share that is hidden, above 0 and below 1.
      block: the side of a square in patches.
      adjust: a share added for the squares' overlaps.

    Returns:
      A `Mask`.

    Raises:
      ValueError: keys are not [B], block is not positive, or ratio hides none or all.

    data2vec 2.0, https://arxiv.org/abs/2212.07525; facebookresearch/fairseq,
    fairseq/data/data_utils.py (compute_block_mask_2d).

    >>> keys = jax.random.split(jax.random.key(0), 2)
    >>> inverse_block_mask(keys, grid=(14, 14)).keep.shape
    (2, 39)
    """
    _check_keys(keys)
    rows, columns = grid
    patches = rows * columns
    visible = int(round(patches * (1 - ratio), 6))
    if block < 1 or not 0 < visible < patches:
        raise ValueError(
            f"ratio must hide some of the {patches} patches and leave some, and block be at least "
            f"1, got {ratio} and {block}"
        )
    squares = max(1, int(round(patches * (1 - ratio + adjust) / block**2, 6)))

    def one(key: jax.Array) -> jax.Array:
        centre_key, exact_key = jax.random.split(key)
        centre = jax.random.randint(centre_key, (squares, 1), 0, patches)
        first = block // 2
        down = jnp.arange(patches) // columns - centre // columns + first
        right = jnp.arange(patches) % columns - centre % columns + first
        inside = (down >= 0) & (down < block) & (right >= 0) & (right < block)
        return ~_hide_exactly(exact_key, inside.any(axis=0), visible)

    masked = jax.vmap(one)(keys)
    order = jnp.argsort(masked, axis=1)  # stable: the visible ones first
    return Mask(
        keep=order[:, :visible].astype(jnp.int32),
        restore=jnp.argsort(order, axis=1).astype(jnp.int32),
        masked=masked,
    )


def _rectangle(corner: jax.Array, grid: Grid, height: jax.Array, width: jax.Array) -> jax.Array:
    """Return bool[N], True in a rectangle placed by two numbers of [0, 1); it touches all borders
    as often as any other line."""
    rows, columns = grid
    top, left = jnp.floor(corner * jnp.stack([rows - height + 1, columns - width + 1]))
    row, column = jnp.arange(rows)[:, None], jnp.arange(columns)
    inside = (row >= top) & (row < top + height) & (column >= left) & (column < left + width)
    return rearrange(inside, "h w -> (h w)")


def _hide_exactly(key: jax.Array, hidden: jax.Array, count: int | jax.Array) -> jax.Array:
    """Add or remove patches at random until exactly `count` are hidden."""
    score = hidden + jax.random.uniform(key, hidden.shape)
    return jnp.argsort(jnp.argsort(-score)) < count


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


def _check_keys(keys: jax.Array) -> None:
    if keys.ndim != 1:
        raise ValueError(f"keys must have shape [B], got {list(keys.shape)}")


def _check_grid(size: tuple[int, int], patch: int) -> tuple[int, int]:
    height, width = size
    if patch <= 0 or height % patch or width % patch:
        raise ValueError(
            f"patch must divide the image's height {height} and width {width}, got {patch}"
        )
    return height // patch, width // patch
