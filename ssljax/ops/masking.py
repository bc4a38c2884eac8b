"""Random masks over a grid of patches of one, two or three dimensions, in static shapes.

A span of a series, a block of an image and a tube of a video are one thing: a box of the grid.
Patches are numbered row-major. `keys` are typed keys of shape [B], one per example; `grid` is the
number of patches along each axis. A ValueError says which argument does not fit.
"""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Grid = tuple[int, ...]


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


def random_mask(
    keys: jax.Array, *, patches: int, ratio: float, real: jax.Array | None = None
) -> Mask:
    """Hide a random subset of the patches, of the same size for every example (MAE).

    K = floor(N * (1 - ratio)) patches stay visible. Unlike the official code the product is rounded
    to 6 decimals first: in floating point 10 * (1 - 0.9) is below 1.

    Args:
      patches: N, the number of patches per example, on a grid of any rank.
      ratio: the share that is hidden, above 0 and below 1.
      real: bool[B, N], the patches that are no padding; None for all. Of n_b of them, K_b = the
        larger of 1 and floor(n_b * (1 - ratio)) stay visible, and `keep` is filled up with padding.

    MAE, https://arxiv.org/abs/2111.06377; facebookresearch/mae, models_mae.py (random_masking).

    >>> mask = random_mask(jax.random.split(jax.random.key(0), 2), patches=16, ratio=0.75)
    >>> mask.keep.shape, mask.masked.sum(axis=1).tolist()
    ((2, 4), [12, 12])
    """
    visible = _visible(keys, patches, ratio)
    noise = jax.vmap(lambda key: jax.random.uniform(key, (patches,)))(keys)
    if real is None:
        return _mask(jnp.argsort(noise, axis=1), visible)
    count = jnp.sum(real, axis=1, keepdims=True)
    kept = jnp.maximum(1, jnp.floor(jnp.round(count * (1 - ratio), 4)))
    rank = jnp.argsort(jnp.argsort(jnp.where(real, noise, 2), axis=1), axis=1)
    hidden = real & (rank >= kept)
    # Visible patches first, then padding, then what is hidden. There is enough padding to fill
    # `keep`: the rows are as long as they are for all.
    order = jnp.argsort(jnp.where(real, hidden * 2, 1), axis=1, stable=True)
    return _mask(order, visible)._replace(masked=hidden)


def dirichlet_mask(
    keys: jax.Array, *, counts: Sequence[int], visible: int, concentration: float
) -> Mask:
    """Hide all but `visible` of the patches of several inputs, of each input another share.

    Shares of the visible patches are drawn from a symmetric Dirichlet distribution and rounded to
    whole patches; an input that has fewer leaves the rest to others. Within an input each patch is
    as likely to be seen. Patches of all inputs are numbered together, input by input.

    Args:
      counts: patches of each input.
      visible: K, of all inputs together.
      concentration: of the distribution, above 0; 1: all shares are as likely.

    MultiMAE, https://arxiv.org/abs/2204.01678; EPFL-VILAB/MultiMAE, multimae/multimae.py
    (generate_random_masks).

    >>> keys = jax.random.split(jax.random.key(0), 3)
    >>> mask = dirichlet_mask(keys, counts=(4, 4), visible=3, concentration=1.0)
    >>> mask.keep.shape, mask.masked.shape, mask.masked.sum(axis=1).tolist()
    ((3, 3), (3, 8), [5, 5, 5])
    """
    _check_keys(keys)
    total = sum(counts)
    if len(counts) < 2 or min(counts) < 1 or not 0 < visible < total:
        raise ValueError(
            f"visible must lie between 1 and the {total - 1} of {list(counts)} patches that leave "
            f"one hidden, got {visible}"
        )
    if concentration <= 0:
        raise ValueError(f"concentration must be above 0, got {concentration}")

    def order(key: jax.Array) -> jax.Array:
        own, among, rest = jax.random.split(key, 3)
        shares = jax.random.dirichlet(own, jnp.full(len(counts), concentration))
        wanted = jnp.round(shares * visible)
        noise = jnp.split(jax.random.uniform(among, (total,)), np.cumsum(counts)[:-1])
        ranks = [jnp.argsort(jnp.argsort(one)) for one in noise]
        chosen = jnp.concatenate([rank < n for rank, n in zip(ranks, wanted, strict=True)])
        # As many as are visible, whatever the rounding: at random of those chosen, then of others.
        return jnp.argsort(~chosen + jax.random.uniform(rest, (total,)))

    return _mask(jax.vmap(order)(keys), visible)


def unit_mask(keys: jax.Array, *, grid: Grid, unit: int, ratio: float) -> jax.Array:
    """Hide a random subset of cubes of `unit` patches a side (SimMIM: squares).

    The number of hidden cubes is the smallest that is at least the given share of them.

    Args:
      unit: the side of a cube in patches; it divides the grid.
      ratio: the share that is hidden, above 0 and below 1.

    Returns:
      bool[B, N], True where the patch is hidden.

    SimMIM, https://arxiv.org/abs/2111.09886; microsoft/SimMIM, data/data_simmim.py (MaskGenerator).

    >>> keys = jax.random.split(jax.random.key(0), 2)
    >>> unit_mask(keys, grid=(4, 4), unit=2, ratio=0.6).sum(axis=1).tolist()
    [12, 12]
    """
    _check_keys(keys)
    if unit < 1 or any(side % unit for side in grid):
        raise ValueError(f"unit must divide the grid {grid} of patches, got {unit}")
    coarse = tuple(side // unit for side in grid)
    cubes = math.prod(coarse)
    count = math.ceil(round(cubes * ratio, 6))
    if not 0 < count < cubes:
        raise ValueError(
            f"ratio must hide some of the {cubes} units and leave some, got {ratio}, "
            f"which hides {count}"
        )

    def one(key: jax.Array) -> jax.Array:
        hidden = _hide_exactly(key, jnp.zeros(cubes, bool), count).reshape(coarse)
        for axis in range(len(grid)):
            hidden = jnp.repeat(hidden, unit, axis)
        return hidden.ravel()

    return jax.vmap(one)(keys)


def block_mask(
    keys: jax.Array,
    *,
    grid: Grid,
    count: int | jax.Array,
    smallest: int = 16,
    aspect: tuple[float, float] = (0.3, 1 / 0.3),
    attempts: int = 20,
) -> jax.Array:
    """Hide exactly `count` patches, most of them in blocks (BEiT, iBOT: rectangles).

    Blocks are added one by one: a size between `smallest` and what is left to hide, aspect ratios,
    a place; one that hides nothing new or too much, or is as long as the grid on some axis, is not
    used. What `attempts` blocks have not filled is filled by single patches, so that the number is
    exact and the time constant; the official codes try for longer and then hide fewer.

    Args:
      count: how many patches are hidden, an int, or int[B] for each example (iBOT), perhaps 0.
      smallest: size in patches of the smallest block.
      aspect: least and largest ratio of a block's side to its side along the next axis (height to
        width in an image; time to height, and height to width, in a video), log-uniform between and
        drawn for each pair of neighbouring axes. A span of a series has none.
      attempts: how many blocks are tried.

    Returns:
      bool[B, N], True where the patch is hidden.

    BEiT, https://arxiv.org/abs/2106.08254; microsoft/unilm, beit/masking_generator.py.

    >>> keys = jax.random.split(jax.random.key(0), 2)
    >>> block_mask(keys, grid=(14, 14), count=75).sum(axis=1).tolist()
    [75, 75]
    >>> block_mask(keys, grid=(100,), count=jnp.array([0, 60])).sum(axis=1).tolist()
    [0, 60]
    """
    _check_keys(keys)
    patches = math.prod(grid)
    if isinstance(count, int) and not 0 < count < patches:
        raise ValueError(f"count must lie between 0 and {patches} patches, got {count}")
    if smallest < 1 or not 0 < aspect[0] <= aspect[1]:
        raise ValueError(f"smallest and aspect must be positive, got {smallest} and {aspect}")
    counts = jnp.broadcast_to(jnp.asarray(count, jnp.int32), keys.shape)
    low, high = (math.log(ratio) for ratio in aspect)

    def one(key: jax.Array, count: jax.Array) -> jax.Array:
        block_key, fill_key = jax.random.split(key)

        def attempt(i: jax.Array, hidden: jax.Array) -> jax.Array:
            u = jax.random.uniform(jax.random.fold_in(block_key, i), (2 * len(grid),))
            left = count - jnp.sum(hidden)
            size, ratios = smallest + u[0] * (left - smallest), u[1 : len(grid)]
            sides = _sides(size, [jnp.exp(low + ratio * (high - low)) for ratio in ratios])
            sides = [jnp.round(side) for side in sides]
            block = _box(u[len(grid) :], grid, sides)
            new = jnp.sum(block & ~hidden)
            used = (new > 0) & (new <= left)
            for side, of in zip(sides, grid, strict=True):
                used &= side < of
            return hidden | (block & used)

        hidden = jax.lax.fori_loop(0, attempts, attempt, jnp.zeros(patches, bool))
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

    A target is a block of K = floor(scale N) patches with aspect ratios drawn for each example;
    where its sides do not multiply to K, its end is cut short. The context has C = N - T K patches,
    as many as there are in any case: random ones of a large block less the targets, and of the rest
    of the grid where that does not hold enough.

    The official code draws one size and shape of target for a batch, and cuts every context down to
    the smallest of the batch from its end, which keeps the top of the image. Its blocks never reach
    the last row and column; these do.

    Args:
      targets: T, the number of blocks.
      scale: share of the patches that is in a target.
      aspect: least and largest ratio of a target's side to that along the next axis, see
        `block_mask`, uniform between.
      context_scale: least and largest share of the grid that is in the context's block.

    I-JEPA, https://arxiv.org/abs/2301.08243; facebookresearch/ijepa, src/masks/multiblock.py.

    >>> blocks = multi_block(jax.random.split(jax.random.key(0), 2), grid=(14, 14))
    >>> blocks.context.shape, blocks.targets.shape
    ((2, 60), (2, 4, 34))
    """
    _check_keys(keys)
    patches = math.prod(grid)
    size = int(round(patches * scale, 6))
    context = patches - targets * size
    if targets < 1 or size < 1 or context < 1:
        raise ValueError(
            f"targets * scale must leave some of the {patches} patches as context, got "
            f"{targets} targets of {size} patches"
        )
    if not 0 < aspect[0] <= aspect[1] or not 0 < context_scale[0] <= context_scale[1] <= 1:
        raise ValueError(
            "aspect must be positive and context_scale in (0, 1], both ascending, got "
            f"{aspect} and {context_scale}"
        )

    def one(key: jax.Array) -> MultiBlock:
        shape_key, place_key, context_key, order_key = jax.random.split(key, 4)
        *ratios, share = jax.random.uniform(shape_key, (len(grid),))
        ratios = [aspect[0] + ratio * (aspect[1] - aspect[0]) for ratio in ratios]
        share = context_scale[0] + share * (context_scale[1] - context_scale[0])

        # Side by side: what is left of the patches is cut into so many slices.
        left, within, used, cells = size, jnp.arange(size), [], []
        for axis, side in enumerate(_sides(size, ratios)[:-1]):
            side = jnp.round(side).astype(jnp.int32)
            fewest = -(-left // math.prod(grid[axis + 1 :]))
            slice_size = -(-left // jnp.clip(side, fewest, jnp.minimum(grid[axis], left)))
            used.append(-(-left // slice_size))
            cells.append(within // slice_size)
            left, within = slice_size, within % slice_size
        room = jnp.stack([of - side for of, side in zip(grid, [*used, left], strict=True)]) + 1
        first = jnp.floor(jax.random.uniform(place_key, (targets, len(grid))) * room).astype(int)
        blocks = 0
        for axis, cell in enumerate([*cells, within]):
            blocks = blocks * grid[axis] + first[:, axis, None] + cell

        side = _root(share, len(grid))
        corner = jax.random.uniform(context_key, (len(grid),))
        inside = _box(corner, grid, [jnp.round(of * side) for of in grid])
        # The targets last, what is outside of the block before them.
        score = (jax.random.uniform(order_key, inside.shape) + inside).at[blocks].set(-1.0)
        seen = jnp.argsort(-score)[:context]
        return MultiBlock(seen.astype(jnp.int32), blocks.astype(jnp.int32))

    return jax.vmap(one)(keys)


def tube_blocks(
    keys: jax.Array,
    *,
    grid: Grid,
    blocks: int,
    scale: float,
    aspect: tuple[float, float] = (0.75, 1.5),
) -> MultiBlock:
    """Choose tubelets to predict, in blocks over all frames, and a context outside them (V-JEPA).

    `blocks` rectangles of one size and shape per example, of the given share of a frame, lie
    anywhere and may overlap; each goes through all frames. Of each frame K cells are predicted,
    those in most of the rectangles, and C are seen, those in fewest, at random among equals. K and
    C are what the official code has on average: for a batch of 24 it cuts what is in a rectangle
    and what is in none down to the smallest of the batch (`tube_sizes`), from the end of the list
    of tubelets, and so from the last frames. Where fewer than C cells are in no rectangle, which is
    one example of 24, the rest of the context is from the least covered of them.

    Args:
      grid: patches along (time, height, width).
      blocks: number of rectangles.
      scale: share of a frame that is in one.
      aspect: least and largest ratio of its height to its width, uniform between.

    Returns:
      `context` int32[B, T C] and `targets` int32[B, 1, T K] of T times.

    Bardes et al. 2024, https://arxiv.org/abs/2404.08471; facebookresearch/jepa,
    src/masks/multiblock3d.py.

    >>> masks = tube_blocks(jax.random.split(jax.random.key(0), 2), grid=(8, 14, 14), blocks=8,
    ...                     scale=0.15)
    >>> masks.context.shape, masks.targets.shape
    ((2, 360), (2, 1, 744))
    """
    _check_keys(keys)
    if len(grid) != 3:
        raise ValueError(f"tubes are of a grid of time, height and width, got {grid}")
    if not 0 < aspect[0] <= aspect[1]:
        raise ValueError(f"aspect must be positive and ascending, got {aspect}")
    frames, *frame = grid
    seen, hidden = tube_sizes(tuple(frame), blocks, scale, tuple(aspect))

    def one(key: jax.Array) -> MultiBlock:
        shape_key, place_key, order_key = jax.random.split(key, 3)
        ratio = aspect[0] + jax.random.uniform(shape_key) * (aspect[1] - aspect[0])
        sides = _rectangle(jnp, frame, scale, ratio)
        corners = jax.random.uniform(place_key, (blocks, 2))
        within = jax.vmap(lambda corner: _box(corner, frame, sides))(corners)
        covered = jnp.sum(within, axis=0) + jax.random.uniform(order_key, (math.prod(frame),))
        order = jnp.argsort(covered)
        first = jnp.arange(frames)[:, None] * len(order)
        context, targets = first + order[:seen], first + order[len(order) - hidden :]
        return MultiBlock(
            context.ravel().astype(jnp.int32), targets.reshape(1, -1).astype(jnp.int32)
        )

    return jax.vmap(one)(keys)


@functools.lru_cache(maxsize=64)
def tube_sizes(
    frame: Grid, blocks: int, scale: float, aspect: tuple[float, float]
) -> tuple[int, int]:
    """Return how many cells of a frame are seen and how many predicted, see `tube_blocks`.

    They are the means over 800 batches of 24 examples of the least number of cells in no rectangle
    and of the least number in any, rounded down and at least 1. As in the official code a batch has
    one shape, and what leaves nothing visible is drawn again. The random numbers are always the
    same.

    Raises:
      ValueError: a rectangle has no cell, or all.
    """
    cells = math.prod(frame)
    if blocks < 1 or not 1 <= int(round(cells * scale, 6)) < cells:
        raise ValueError(
            f"blocks and scale must hide some of the {cells} patches of a frame and leave some, "
            f"got {blocks} of {scale}"
        )
    rng, least = np.random.default_rng(0), []
    rows, columns = np.indices(frame)
    for _ in range(800):
        ratio = aspect[0] + rng.random() * (aspect[1] - aspect[0])
        sides = [int(side) for side in _rectangle(np, frame, scale, ratio)]
        top, left = (
            rng.integers(0, of - side + 1, (48, blocks, 1, 1))
            for of, side in zip(frame, sides, strict=True)
        )
        within = (rows >= top) & (rows < top + sides[0])
        within &= (columns >= left) & (columns < left + sides[1])
        counts = within.any(axis=1).sum(axis=(1, 2))
        counts = counts[counts < cells][:24]
        least.append((np.min(cells - counts, initial=cells), np.min(counts, initial=cells)))
    seen, hidden = np.floor(np.mean(least, axis=0)).astype(int)
    return max(1, int(seen)), min(int(hidden), cells - 1)


def _rectangle(xp, frame: Sequence[int], scale: float, ratio):
    """Return (height, width) in cells of a rectangle of that ratio; `xp` is NumPy or JAX's."""
    size = int(round(math.prod(frame) * scale, 6))
    height, width = xp.round(xp.sqrt(size * ratio)), xp.round(xp.sqrt(size / ratio))
    return xp.clip(height, 1, frame[0]), xp.clip(width, 1, frame[1])


def span_mask(keys: jax.Array, *, grid: Grid, ratio: float, side: int, adjust: float = 0.0):
    """Hide boxes of `side` patches a side around random centres (wav2vec 2.0: spans).

    Boxes are cut off where they stick out of the grid and may overlap. Their number has room for a
    share of ratio + adjust of the patches. Single patches are then hidden or uncovered at random
    until all but floor(N (1 - ratio)) are hidden.

    Args:
      ratio: the share that is hidden, above 0 and below 1.
      side: of a box in patches.
      adjust: a share added for the boxes' overlaps.

    Returns:
      bool[B, N], True where the patch is hidden.

    wav2vec 2.0, https://arxiv.org/abs/2006.11477; facebookresearch/fairseq,
    fairseq/data/data_utils.py (compute_mask_indices), whose number of hidden patches varies.

    >>> keys = jax.random.split(jax.random.key(0), 2)
    >>> span_mask(keys, grid=(100,), ratio=0.5, side=10).sum(axis=1).tolist()
    [50, 50]
    """
    hidden = math.prod(grid) - _visible(keys, math.prod(grid), ratio)
    return _boxes(keys, grid, side, ratio + adjust, hidden)


def inverse_block_mask(
    keys: jax.Array, *, grid: Grid, ratio: float = 0.8, block: int = 3, adjust: float = 0.07
) -> Mask:
    """Leave blocks visible and hide the rest, the same number for every example (data2vec 2.0).

    What `span_mask` would hide, for a ratio of 1 - `ratio`, is visible, and what it would leave is
    hidden: floor(N (1 - ratio)) patches are visible.

    Args:
      ratio: the share that is hidden, above 0 and below 1.
      block: the side of a block in patches.
      adjust: a share added for the blocks' overlaps.

    data2vec 2.0, https://arxiv.org/abs/2212.07525; facebookresearch/fairseq,
    fairseq/data/data_utils.py (compute_block_mask_2d).

    >>> keys = jax.random.split(jax.random.key(0), 2)
    >>> inverse_block_mask(keys, grid=(14, 14)).keep.shape
    (2, 39)
    """
    visible = _visible(keys, math.prod(grid), ratio)
    return from_masked(~_boxes(keys, grid, block, 1 - ratio + adjust, visible), visible=visible)


def tube(masked: jax.Array, *, frames: int) -> jax.Array:
    """Repeat a mask of one frame over time: bool[B, N] to bool[B, frames N] (VideoMAE).

    Tong et al. 2022, https://arxiv.org/abs/2203.12602.

    >>> tube(jnp.array([[True, False]]), frames=2).tolist()
    [[True, False, True, False]]
    """
    return jnp.tile(masked, (1, frames))


def tube_mask(keys: jax.Array, *, grid: Grid, ratio: float) -> Mask:
    """Hide the same random subset of the patches of every frame (VideoMAE).

    Of P patches of a frame floor(P * ratio) are hidden, the product rounded to 6 decimals first.

    Args:
      grid: patches along (time, height, width).
      ratio: the share that is hidden, above 0 and below 1.

    Tong et al. 2022, https://arxiv.org/abs/2203.12602; MCG-NJU/VideoMAE, masking_generator.py
    (TubeMaskingGenerator).

    >>> keys = jax.random.split(jax.random.key(0), 2)
    >>> tube_mask(keys, grid=(8, 14, 14), ratio=0.9).keep.shape
    (2, 160)
    """
    _check_keys(keys)
    if len(grid) != 3:
        raise ValueError(f"tubes are of a grid of time, height and width, got {grid}")
    patches = grid[1] * grid[2]
    hidden = int(round(patches * ratio, 6))
    if not 0 < hidden < patches:
        raise ValueError(
            f"ratio must hide some of the {patches} patches of a frame and leave some, got {ratio},"
            f" which hides {hidden}"
        )
    noise = jax.vmap(lambda key: jax.random.uniform(key, (patches,)))(keys)
    frame = jnp.argsort(jnp.argsort(noise, axis=1), axis=1) < hidden
    return from_masked(tube(frame, frames=grid[0]), visible=grid[0] * (patches - hidden))


def from_masked(masked: jax.Array, *, visible: int) -> Mask:
    """Return the `Mask` that hides `masked`, bool[B, N], of which `visible` are False in each row.

    >>> from_masked(jnp.array([[True, False, False]]), visible=2).keep.tolist()
    [[1, 2]]
    """
    order = jnp.argsort(masked, axis=1)  # stable: the visible ones first
    return _mask(order, visible)._replace(masked=masked)


def _mask(order: jax.Array, visible: int) -> Mask:
    restore = jnp.argsort(order, axis=1)
    keep = order[:, :visible].astype(jnp.int32)
    return Mask(keep, restore.astype(jnp.int32), restore >= visible)


def _boxes(keys: jax.Array, grid: Grid, side: int, share: float, count: int) -> jax.Array:
    """Return bool[B, N], True in boxes around random centres, and in `count` patches of a row."""
    if side < 1:
        raise ValueError(f"a block or span must be at least 1 patch long, got {side}")
    patches = math.prod(grid)
    number = max(1, int(round(patches * share / side ** len(grid), 6)))
    places = jnp.unravel_index(jnp.arange(patches), grid)

    def one(key: jax.Array) -> jax.Array:
        centre_key, exact_key = jax.random.split(key)
        centres = jnp.unravel_index(jax.random.randint(centre_key, (number, 1), 0, patches), grid)
        inside = True
        for place, centre in zip(places, centres, strict=True):
            offset = place - centre + side // 2
            inside &= (offset >= 0) & (offset < side)
        return _hide_exactly(exact_key, inside.any(axis=0), count)

    return jax.vmap(one)(keys)


def _sides(size: jax.Array | int, ratios: Sequence[jax.Array]) -> list[jax.Array]:
    """Return the sides of a box whose product is `size`, each `ratios` times the next."""
    rank = len(ratios) + 1
    sides = []
    for i in range(rank):
        more = math.prod(ratio ** (rank - 1 - j) for j, ratio in enumerate(ratios) if j >= i)
        less = math.prod(ratio ** (j + 1) for j, ratio in enumerate(ratios) if j < i)
        sides.append(_root(size * more / less, rank))
    return sides


def _root(x: jax.Array, degree: int) -> jax.Array:
    return {1: jnp.asarray, 2: jnp.sqrt, 3: jnp.cbrt}[degree](x)


def _box(corner: jax.Array, grid: Grid, sides: Sequence[jax.Array]) -> jax.Array:
    """Return bool[N], True in a box placed by numbers of [0, 1); it touches all borders as often
    as any other line."""
    room = jnp.stack([of - side + 1 for of, side in zip(grid, sides, strict=True)])
    first, inside = jnp.floor(corner * room), True
    for axis, index in enumerate(jnp.indices(grid, sparse=True)):
        inside &= (index >= first[axis]) & (index < first[axis] + sides[axis])
    return inside.ravel()


def _hide_exactly(key: jax.Array, hidden: jax.Array, count: int | jax.Array) -> jax.Array:
    """Add or remove patches at random until exactly `count` are hidden."""
    score = hidden + jax.random.uniform(key, hidden.shape)
    return jnp.argsort(jnp.argsort(-score)) < count


def _visible(keys: jax.Array, patches: int, ratio: float) -> int:
    """Return how many patches stay visible, at least one and not all."""
    _check_keys(keys)
    visible = int(round(patches * (1 - ratio), 6))
    if not 0 < visible < patches:
        raise ValueError(
            f"ratio must hide some of the {patches} patches and leave some, got {ratio}, "
            f"which leaves {visible}"
        )
    return visible


def _check_keys(keys: jax.Array) -> None:
    if keys.ndim != 1:
        raise ValueError(f"keys must have shape [B], got {list(keys.shape)}")
