import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ssljax.ops.keys import per_example
from ssljax.ops.masking import (
    block_mask,
    dirichlet_mask,
    from_masked,
    inverse_block_mask,
    multi_block,
    random_mask,
    span_mask,
    tube,
    tube_blocks,
    tube_mask,
    tube_sizes,
    unit_mask,
)


def keys(count):
    return per_example(jax.random.key(0), count)


@pytest.mark.parametrize(
    ("patches", "ratio", "visible"),
    [(196, 0.75, 49), (49, 0.75, 12), (10, 0.9, 1), (100, 0.9, 10), (16, 0.5, 8), (4, 0.6, 1)],
)
def test_number_of_visible_patches(patches, ratio, visible):
    mask = random_mask(keys(3), patches=patches, ratio=ratio)
    assert mask.keep.shape == (3, visible)
    assert (mask.masked.sum(axis=1) == patches - visible).all()


def test_the_three_descriptions_agree():
    mask = random_mask(keys(5), patches=20, ratio=0.7)
    for keep, restore, masked in zip(*map(np.asarray, mask), strict=True):
        assert sorted(restore) == list(range(20))
        assert set(np.flatnonzero(~masked)) == set(keep)
        assert [restore[k] for k in keep] == list(range(6))


def test_restore_undoes_the_shuffle():
    tokens = jax.random.normal(jax.random.key(1), (3, 8, 2))
    mask = random_mask(keys(3), patches=8, ratio=0.5)
    visible = jnp.take_along_axis(tokens, mask.keep[..., None], axis=1)
    full = jnp.concatenate([visible, jnp.full((3, 4, 2), jnp.nan)], axis=1)
    full = jnp.take_along_axis(full, mask.restore[..., None], axis=1)
    np.testing.assert_array_equal(full, jnp.where(mask.masked[..., None], jnp.nan, tokens))


def test_every_patch_is_hidden_equally_often():
    masked = random_mask(keys(4000), patches=12, ratio=0.75).masked
    np.testing.assert_allclose(masked.mean(axis=0), 0.75, atol=0.035)  # five standard errors
    pair = jnp.mean(masked[:, 0] & masked[:, 1])
    assert float(pair) == pytest.approx(9 / 12 * 8 / 11, abs=0.04)


def test_an_examples_mask_depends_on_its_key_alone():
    all_masks, some = random_mask(keys(8), patches=9, ratio=0.5), keys(8)[2:5]
    jax.tree.map(
        lambda a, b: np.testing.assert_array_equal(a[2:5], b),
        all_masks,
        random_mask(some, patches=9, ratio=0.5),
    )


def test_same_on_eight_devices():
    mesh = Mesh(jax.devices(), ("data",))
    sharded = jax.device_put(keys(16), NamedSharding(mesh, PartitionSpec("data")))
    draw = jax.jit(lambda k: random_mask(k, patches=9, ratio=0.5))
    jax.tree.map(np.testing.assert_array_equal, draw(keys(16)), draw(sharded))


@pytest.mark.parametrize("ratio", [0.0, 0.95, 1.0, -0.5])
def test_ratio_that_hides_nothing_or_all(ratio):
    with pytest.raises(ValueError, match=f"ratio must hide some of the 9 patches .* got {ratio}"):
        random_mask(keys(2), patches=9, ratio=ratio)


def test_mismatches_are_refused():
    with pytest.raises(ValueError, match=r"keys must have shape \[B\], got \[\]"):
        random_mask(jax.random.key(0), patches=4, ratio=0.5)


def draw(mask, examples=500, **fields):
    """Return masks of many examples as NumPy arrays, drawn in one compiled function."""
    return jax.tree.map(np.asarray, jax.jit(functools.partial(mask, **fields))(keys(examples)))


def neighbours(hidden):
    """Return how many of the four neighbours of a hidden patch are hidden, on average."""
    p = np.pad(hidden, ((0, 0), (1, 1), (1, 1))).astype(int)
    near = p[:, :-2, 1:-1] + p[:, 2:, 1:-1] + p[:, 1:-1, :-2] + p[:, 1:-1, 2:]
    return near[hidden].mean()


def touched(hidden):
    """Return whether every row and every column is hidden in some example."""
    return hidden.any((0, 2)).all() and hidden.any((0, 1)).all()


BLOCK_MASKS = {
    "unit": functools.partial(unit_mask, grid=(4, 6), unit=2, ratio=0.5),
    "block": functools.partial(block_mask, grid=(4, 6), count=11, smallest=3),
    "multi": functools.partial(multi_block, grid=(4, 6)),
    "inverse": functools.partial(inverse_block_mask, grid=(4, 6)),
    "span": functools.partial(span_mask, grid=(24,), ratio=0.5, side=4),
    "block of a series": functools.partial(block_mask, grid=(24,), count=9, smallest=3),
    "tube blocks": functools.partial(tube_blocks, grid=(3, 6, 6), blocks=2, scale=0.2),
    "multi block of a video": functools.partial(multi_block, grid=(3, 4, 4), scale=0.15),
}


@pytest.mark.parametrize("mask", BLOCK_MASKS.values(), ids=BLOCK_MASKS)
def test_a_block_mask_depends_on_its_key_alone(mask):
    mesh = Mesh(jax.devices(), ("data",))
    sharded = jax.device_put(keys(16), NamedSharding(mesh, PartitionSpec("data")))
    whole = jax.jit(mask)(keys(16))
    jax.tree.map(np.testing.assert_array_equal, whole, jax.jit(mask)(sharded))
    some = jax.jit(mask)(keys(16)[2:5])
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[2:5], b), whole, some)
    assert len({row.tobytes() for row in np.asarray(jax.tree.leaves(whole)[0])}) > 3


@pytest.mark.parametrize(
    ("unit", "ratio", "squares"), [(1, 0.5, 48), (2, 0.6, 15), (4, 0.5, 3), (2, 0.75, 18)]
)
def test_unit_mask_hides_whole_squares(unit, ratio, squares):
    masked = draw(unit_mask, grid=(8, 12), unit=unit, ratio=ratio)
    squared = masked.reshape(-1, 8 // unit, unit, 12 // unit, unit)
    assert (squared == squared[:, :, :1, :, :1]).all()
    assert (masked.sum(axis=1) == squares * unit**2).all()  # ceil of the share of all squares
    np.testing.assert_allclose(masked.mean(axis=0), masked.mean(), atol=0.11)


def test_block_mask_hides_the_exact_number_in_blocks():
    masked = draw(block_mask, grid=(14, 14), count=75).reshape(-1, 14, 14)
    assert (masked.sum((1, 2)) == 75).all()
    scattered = draw(unit_mask, grid=(14, 14), unit=1, ratio=75 / 196).reshape(-1, 14, 14)
    assert neighbours(masked) > 3.2 and neighbours(scattered) < 1.6
    assert touched(masked)


def test_block_mask_takes_a_number_for_each_example():
    counts = jnp.arange(40) * 4
    masked = jax.jit(lambda k: block_mask(k, grid=(13, 13), count=counts))(keys(40))
    np.testing.assert_array_equal(masked.sum(axis=1), counts)


def test_blocks_come_from_the_given_areas_and_aspects():
    """With room for a single block of 3 x 8, all that is hidden is that block."""
    fields = {"smallest": 24, "aspect": (3 / 8, 3 / 8), "count": 24}
    masked = draw(block_mask, grid=(14, 14), **fields).reshape(-1, 14, 14)
    assert (masked.any(2).sum(1) == 3).all() and (masked.any(1).sum(1) == 8).all()
    assert touched(masked)


def test_targets_are_rectangles_cut_short_and_reach_every_patch():
    grid, size = (16, 14), 39
    targets = draw(multi_block, grid=grid).targets.reshape(-1, size)
    covered = np.zeros((len(targets), grid[0] * grid[1]), bool)
    np.put_along_axis(covered, targets, True, axis=1)
    assert (covered.sum(axis=1) == size).all()  # no index comes twice
    covered = covered.reshape(-1, *grid)
    height, width = covered.any(2).sum(1), covered.any(1).sum(1)
    assert (height == -(-size // width)).all()
    ratios = height / width
    assert ratios.min() > 0.6 and ratios.max() < 1.8 and len(set(ratios)) > 2
    assert touched(covered)  # the official code's blocks never reach the last row and column


def test_the_context_holds_no_target():
    blocks = draw(multi_block, grid=(14, 14))
    assert blocks.context.shape == (500, 196 - 4 * 34)
    for context, targets in zip(*blocks, strict=True):
        assert len(set(context)) == len(context)
        assert not set(context) & set(targets.ravel())
    assert set(blocks.context.ravel()) == set(range(196))


def test_the_context_prefers_its_block():
    blocks = draw(multi_block, grid=(20, 20), targets=1, scale=0.01, context_scale=(0.25, 0.25))
    inside = np.zeros((500, 400), bool)
    np.put_along_axis(inside, blocks.context[:, :96], True, axis=1)  # 100 less one target of 4
    rows = inside.reshape(-1, 20, 20).any(2).sum(1)
    assert (rows <= 10).all()


def test_inverse_blocks_leave_squares_visible():
    mask = draw(inverse_block_mask, grid=(14, 14))
    assert mask.keep.shape == (500, 39) and (mask.masked.sum(axis=1) == 157).all()
    for keep, restore, masked in zip(*mask, strict=True):
        np.testing.assert_array_equal(np.flatnonzero(~masked), np.sort(keep))
        assert [restore[k] for k in keep] == list(range(39))
    visible = ~mask.masked.reshape(-1, 14, 14)
    assert neighbours(visible) > 2.2 and touched(visible)


def test_one_inverse_block_is_a_square_around_its_centre():
    mask = draw(inverse_block_mask, grid=(7, 7), ratio=40 / 49, adjust=0.0)
    visible = ~mask.masked.reshape(-1, 7, 7)
    squares = (visible.any(2).sum(1) == 3) & (visible.any(1).sum(1) == 3)
    # 25 of the 49 places are so far inside that the square is whole.
    assert squares.mean() == pytest.approx(25 / 49, abs=0.1)


@pytest.mark.parametrize(
    ("mask", "fields", "message"),
    [
        (unit_mask, {"unit": 3, "ratio": 0.5}, r"unit must divide the grid \(4, 6\) .* got 3"),
        (unit_mask, {"unit": 2, "ratio": 0.9}, "ratio must hide some of the 6 .* got 0.9"),
        (block_mask, {"count": 0}, "count must lie between 0 and 24 patches, got 0"),
        (block_mask, {"count": 24}, "count must lie between 0 and 24 patches, got 24"),
        (block_mask, {"count": 4, "smallest": 0}, "smallest and aspect must be positive, got 0"),
        (multi_block, {"scale": 0.25}, "targets .* must leave some .* got 4 targets of 6 patches"),
        (multi_block, {"scale": 0.01}, "got 4 targets of 0 patches"),
        (multi_block, {"aspect": (2.0, 1.0)}, "aspect must be positive .* ascending"),
        (inverse_block_mask, {"ratio": 0.99}, "ratio must hide some of the 24 .* got 0.99"),
        (inverse_block_mask, {"block": 0}, "must be at least 1 patch long, got 0"),
        (span_mask, {"ratio": 0.5, "side": 0}, "must be at least 1 patch long, got 0"),
        (span_mask, {"ratio": 1.0, "side": 2}, "ratio must hide some of the 24 .* got 1.0"),
    ],
)
def test_block_masks_name_what_does_not_fit(mask, fields, message):
    with pytest.raises(ValueError, match=message):
        mask(keys(2), grid=(4, 6), **fields)
    with pytest.raises(ValueError, match=r"keys must have shape \[B\]"):
        mask(jax.random.key(0), grid=(4, 6), **fields)


def runs(hidden):
    """Return the lengths of the runs of True of every row."""
    edges = np.diff(np.pad(hidden, ((0, 0), (1, 1))).astype(int), axis=1)
    return np.nonzero(edges == -1)[1] - np.nonzero(edges == 1)[1]


def test_a_block_of_a_series_is_a_span_of_any_place():
    """With room for a single span of 24, all that is hidden is that span; ratios mean nothing."""
    for aspect in ((0.1, 0.2), (1.0, 1.0)):
        masked = draw(block_mask, grid=(60,), smallest=24, count=24, aspect=aspect)
        assert (runs(masked) == 24).all() and len(runs(masked)) == 500
        assert masked.any(0).all()


def test_a_block_of_a_video_has_the_ratio_of_each_side_to_the_next():
    """Sides of 2, 4 and 8 are the only ones of 64 patches with two ratios of a half."""
    fields = {"smallest": 64, "count": 64, "aspect": (0.5, 0.5)}
    masked = draw(block_mask, grid=(9, 9, 12), **fields).reshape(-1, 9, 9, 12)
    for axes, side in (((2, 3), 2), ((1, 3), 4), ((1, 2), 8)):
        assert (masked.any(axes).sum(1) == side).all()
        assert masked.any((0, *axes)).all()


@pytest.mark.parametrize("grid", [(40,), (6, 7), (3, 4, 5)])
def test_units_targets_and_inverse_blocks_of_any_rank(grid):
    patches = int(np.prod(grid))
    blocks = draw(multi_block, grid=grid, targets=2, scale=0.2)
    size = patches // 5
    assert blocks.targets.shape == (500, 2, size)
    for context, targets in zip(*blocks, strict=True):
        assert len(set(context)) == patches - 2 * size and not set(context) & set(targets.ravel())
    covered = np.zeros((1000, patches), bool)
    np.put_along_axis(covered, blocks.targets.reshape(-1, size), True, axis=1)
    assert (covered.sum(axis=1) == size).all()
    boxes = covered.reshape(-1, *grid)
    for axis in range(len(grid)):
        others = tuple(1 + i for i in range(len(grid)) if i != axis)
        at = boxes.any(others)
        assert len(runs(at)) == 1000 and at.any(0).all()  # one run in each: no holes

    mask = draw(inverse_block_mask, grid=grid, ratio=0.7)
    assert (~mask.masked).sum(1).min() == mask.keep.shape[1] == int(round(patches * 0.3, 6))
    coarse = draw(unit_mask, grid=tuple(2 * side for side in grid), unit=2, ratio=0.5)
    assert (coarse.sum(1) == 2 ** len(grid) * -(-patches // 2)).all()


def test_spans_hide_runs():
    masked = draw(span_mask, grid=(400,), ratio=0.5, side=10, adjust=0.15)
    assert (masked.sum(1) == 200).all()
    assert (
        np.mean(runs(masked))
        > 4
        > 2.5
        > np.mean(runs(draw(span_mask, grid=(400,), ratio=0.5, side=1)))
    )
    np.testing.assert_allclose(masked.mean(axis=0)[10:-10], 0.5, atol=0.12)


def test_spans_are_what_inverse_blocks_leave_visible():
    spans = draw(span_mask, grid=(7, 7), ratio=9 / 49, side=3)
    mask = draw(inverse_block_mask, grid=(7, 7), ratio=40 / 49, adjust=0.0)
    np.testing.assert_array_equal(spans, ~mask.masked)


def test_tubes_hide_as_many_patches_as_the_official_code():
    keys = jax.random.split(jax.random.key(0), 50)
    mask = tube_mask(keys, grid=(8, 14, 14), ratio=0.9)
    frames = np.asarray(mask.masked).reshape(50, 8, 196)
    assert np.all(frames == frames[:, :1]) and np.all(frames.sum(axis=2) == 176)
    # Keep names what is visible, and restore puts all back.
    assert mask.keep.shape == (50, 8 * 20)
    assert not np.take_along_axis(np.asarray(mask.masked), np.asarray(mask.keep), 1).any()
    order = np.argsort(mask.restore, axis=1)
    np.testing.assert_array_equal(order[:, :160], mask.keep)
    share = frames[:, 0].mean(axis=0)  # every patch as often
    assert abs(share - 176 / 196).max() < 0.2
    assert len({row.tobytes() for row in frames[:, 0]}) == 50
    with pytest.raises(ValueError, match="hides 0"):
        tube_mask(keys, grid=(2, 2, 2), ratio=0.2)
    with pytest.raises(ValueError, match="time, height and width"):
        tube_mask(keys, grid=(4, 4), ratio=0.5)


def test_a_tube_hides_the_same_patches_of_every_frame():
    frame = random_mask(keys(3), patches=6, ratio=0.5).masked
    mask = from_masked(tube(frame, frames=4), visible=4 * 3)
    np.testing.assert_array_equal(mask.masked.reshape(3, 4, 6), np.repeat(frame[:, None], 4, 1))
    for keep, restore, masked in zip(*map(np.asarray, mask), strict=True):
        assert list(keep) == list(np.flatnonzero(~masked))
        assert [restore[k] for k in keep] == list(range(12))


@pytest.mark.parametrize(("blocks", "scale"), [(8, 0.15), (2, 0.7)])
def test_blocks_of_tubes_go_through_all_frames(blocks, scale):
    frame, frames = (14, 14), 3
    made = draw(tube_blocks, grid=(frames, *frame), blocks=blocks, scale=scale)
    seen, hidden = tube_sizes(frame, blocks, scale, (0.75, 1.5))
    context = made.context.reshape(500, frames, seen)
    targets = made.targets.reshape(500, frames, hidden)
    for cells in (context, targets):
        np.testing.assert_array_equal(
            cells[:, 1:] - cells[:, :1] - 196, cells[:, :-1] - cells[:, :1]
        )
    hit = np.zeros((2, 500, 196), bool)
    np.put_along_axis(hit[0], context[:, 0], True, axis=1)
    np.put_along_axis(hit[1], targets[:, 0], True, axis=1)
    np.testing.assert_array_equal(hit.sum(2), [[seen] * 500, [hidden] * 500])
    assert not (hit[0] & hit[1]).any()
    assert touched(hit[1].reshape(-1, *frame)) and neighbours(hit[1].reshape(-1, *frame)) > 3


def test_tubes_hide_as_much_as_the_official_code():
    """Of V-JEPA's two masks of 14 x 14, 120 batches of 24 of the official code have on average .234
    and .067 visible, and .479 and .700 predicted."""
    shares = [
        np.divide(tube_sizes((14, 14), blocks, scale, (0.75, 1.5)), 196)
        for blocks, scale in ((8, 0.15), (2, 0.7))
    ]
    np.testing.assert_allclose(shares, [[0.234, 0.479], [0.067, 0.700]], atol=0.006)


def test_one_block_of_tubes_is_predicted_as_far_as_every_batch_has_it():
    """Of one rectangle of 8 of 16 cells, 8 are hidden if its sides are 2 x 4 or 3 x 3, less 1."""
    assert tube_sizes((4, 4), 1, 0.5, (1.0, 1.0)) == (7, 9)  # 3 x 3
    assert tube_sizes((4, 4), 1, 0.5, (0.5, 0.5)) == (8, 8)  # 2 x 4


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"scale": 0.01}, "must hide some of the 24 patches of a frame .* got 2 of 0.01"),
        ({"blocks": 0}, "got 0 of 0.2"),
        ({"grid": (4, 6)}, "tubes are of a grid of time, height and width"),
        ({"aspect": (2.0, 1.0)}, "aspect must be positive and ascending"),
    ],
)
def test_blocks_of_tubes_name_what_does_not_fit(fields, message):
    with pytest.raises(ValueError, match=message):
        tube_blocks(keys(2), **{"grid": (2, 4, 6), "blocks": 2, "scale": 0.2, **fields})


def test_several_inputs_share_what_is_visible():
    mask = dirichlet_mask(keys(2000), counts=(16, 16), visible=8, concentration=1.0)
    for keep, restore, masked in zip(*(np.asarray(one)[:5] for one in mask), strict=True):
        assert sorted(restore) == list(range(32)) and masked.sum() == 24
        assert not masked[keep].any() and sorted(restore[keep]) == list(range(8))
    first = 8 - np.asarray(mask.masked)[:, :16].sum(axis=1) + 8
    # Uniform shares of 8: the ends of the range have half of a share's width, 1/16.
    share = np.bincount(first, minlength=9) / 2000
    np.testing.assert_allclose(share, [1 / 16, *[1 / 8] * 7, 1 / 16], atol=0.03)
    # Within an input each patch is as likely to be seen.
    np.testing.assert_allclose((~np.asarray(mask.masked)).mean(axis=0), 0.25, atol=0.04)


def test_shares_are_even_where_concentration_is_large():
    mask = dirichlet_mask(keys(50), counts=(9, 9), visible=6, concentration=1e6)
    assert (np.asarray(mask.masked)[:, :9].sum(axis=1) == 6).all()
    small = dirichlet_mask(keys(200), counts=(9, 9), visible=6, concentration=1e-3)
    seen = 9 - np.asarray(small.masked)[:, :9].sum(axis=1)
    assert np.isin(seen, (0, 6)).mean() > 0.95 and 0.3 < (seen == 6).mean() < 0.7


def test_an_input_with_fewer_patches_leaves_the_rest_to_others():
    mask = dirichlet_mask(keys(300), counts=(2, 20), visible=10, concentration=1.0)
    seen = 2 - np.asarray(mask.masked)[:, :2].sum(axis=1)
    assert seen.max() == 2 and ((~np.asarray(mask.masked)).sum(axis=1) == 10).all()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"counts": (4,)}, "visible must lie"),
        ({"visible": 8}, "visible must lie between 1 and the 7"),
        ({"visible": 0}, "visible must lie"),
        ({"concentration": 0.0}, "concentration must be above 0"),
    ],
)
def test_shares_that_cannot_be_drawn_are_named(options, said):
    given = {"counts": (4, 4), "visible": 3, "concentration": 1.0, **options}
    with pytest.raises(ValueError, match=said):
        dirichlet_mask(keys(2), **given)
