import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.ops.tiles import distinct, drop_colors, project_colors, random_tiles, standardize_colors

KEYS = jax.random.split(jax.random.key(0), 200)


def corners_of(tiles, side):
    """Where each tile was cut, of images whose pixels are their own numbers."""
    return np.stack(np.divmod(np.asarray(tiles)[:, :, 0, 0, 0].astype(int), side), axis=-1)


def numbered(count, side):
    image = jnp.arange(side**2, dtype=jnp.float32).reshape(side, side, 1)
    return jnp.broadcast_to(image, (count, *image.shape))


def test_tiles_are_exact_pieces_of_their_cells():
    images = jnp.asarray(np.random.default_rng(0).normal(size=(4, 12, 12, 3)), jnp.float32)
    tiles = np.asarray(random_tiles(KEYS[:4], images, grid=3, tile=3))
    corners = corners_of(random_tiles(KEYS[:4], numbered(4, 12), grid=3, tile=3), 12)
    for b in range(4):
        for t in range(9):
            y, x = corners[b, t]
            assert (y // 4, x // 4) == divmod(t, 3)
            assert ((y + 2) // 4, (x + 2) // 4) == divmod(t, 3)
            np.testing.assert_array_equal(tiles[b, t], images[b, y : y + 3, x : x + 3])


@pytest.mark.parametrize("jitter, offsets", [(0.0, {2}), (0.5, {1, 2, 3}), (1.0, {0, 1, 2, 3, 4})])
def test_the_jitter_sets_how_freely_a_tile_lies_in_its_cell(jitter, offsets):
    """Cells of 10 pixels, tiles of 6: at least 4 (1 - jitter) pixels between neighbours."""
    tiles = random_tiles(KEYS, numbered(len(KEYS), 30), grid=3, tile=6, jitter=jitter)
    corners = corners_of(tiles, 30) % 10
    assert set(corners[..., 0].ravel()) == offsets == set(corners[..., 1].ravel())
    if jitter:
        assert (corners[:, 0] != corners[:, 1]).any() and (corners[..., 0] != corners[..., 1]).any()


def test_all_places_are_drawn_equally_often():
    tiles = random_tiles(KEYS, numbered(len(KEYS), 9), grid=3, tile=2)
    counts = np.bincount((corners_of(tiles, 9) % 3).ravel())
    assert len(counts) == 2 and abs(counts[0] / counts.sum() - 0.5) < 0.03


def test_tiles_are_resized():
    tiles = random_tiles(KEYS[:2], numbered(2, 12), grid=3, tile=4, size=2)
    assert tiles.shape == (2, 9, 2, 2, 1)
    # The antialiased filter keeps the mean of a shade that rises evenly: (0 + 3 * 13) / 2.
    assert float(tiles[0, 0].mean()) == pytest.approx(19.5, abs=1e-4)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"tile": 5}, "tile=5 pixels must be from 1 to the 4 of a cell, for images of 12 pixels"),
        ({"tile": 0}, "tile=0 pixels"),
        ({"grid": 0}, "grid=0"),
        ({"jitter": 1.5}, r"jitter must lie in \[0, 1\], got 1.5"),
    ],
)
def test_tiles_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        random_tiles(KEYS[:1], numbered(1, 12), **{"grid": 3, "tile": 3, **changes})


def test_images_have_to_be_square():
    with pytest.raises(ValueError, match=r"images must have shape \[B, S, S, C\], got"):
        random_tiles(KEYS[:1], jnp.zeros((1, 12, 9, 1)), grid=3, tile=3)


def test_standardized_tiles_show_neither_brightness_nor_contrast():
    tiles = np.random.default_rng(0).normal(size=(2, 9, 5, 5, 3)).astype(np.float32)
    standard = standardize_colors(jnp.asarray(tiles))
    np.testing.assert_allclose(standard.mean((2, 3, 4)), 0, atol=1e-6)
    np.testing.assert_allclose(standard.std((2, 3, 4)), 1, rtol=1e-5)
    np.testing.assert_allclose(standardize_colors(jnp.asarray(7 * tiles - 3)), standard, atol=1e-5)


def test_a_blank_tile_becomes_zero_with_a_finite_gradient():
    tile = jnp.full((1, 4, 4, 1), 0.3)
    value, gradient = jax.value_and_grad(lambda t: jnp.sum(standardize_colors(t) ** 2))(tile)
    assert float(value) == pytest.approx(0, abs=1e-10) and np.isfinite(gradient).all()


def test_distinct_numbers():
    drawn = np.asarray(distinct(KEYS, count=3, of=5))
    assert all(len(set(row)) == 3 for row in drawn)
    assert np.abs(np.bincount(drawn[:, 0], minlength=5) / len(KEYS) - 0.2).max() < 0.1
    with pytest.raises(ValueError, match="count must be from 1 to 5, got 6"):
        distinct(KEYS, count=6, of=5)


def test_the_projection_loses_green_against_magenta_alone():
    image = jnp.asarray(np.random.default_rng(0).normal(size=(6, 3)), jnp.float32)
    projected = np.asarray(project_colors(image))
    np.testing.assert_allclose(projected @ [-1, 2, -1], 0, atol=1e-5)
    for kept in ([1, 1, 1], [1, 0, -1]):
        np.testing.assert_allclose(projected @ kept, np.asarray(image) @ kept, atol=1e-5)


def test_one_channel_survives_in_each_tile():
    tiles = jax.random.normal(jax.random.key(1), (30, 9, 8, 8, 3))
    dropped = np.asarray(drop_colors(KEYS[:30], tiles))
    same = (dropped == np.asarray(tiles)).all(axis=(2, 3))
    assert (same.sum(axis=-1) == 1).all()
    assert np.abs(same.mean(axis=(0, 1)) - 1 / 3).max() < 0.1  # each channel as often
    noise = dropped[~np.broadcast_to(same[:, :, None, None], dropped.shape)]
    assert noise.std() == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize("change", [project_colors, lambda t: drop_colors(KEYS[:1], t)])
def test_colours_need_three_channels(change):
    with pytest.raises(ValueError, match="images must have 3 channels"):
        change(jnp.zeros((1, 1, 4, 4, 1)))
