import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ssljax.ops.keys import per_example
from ssljax.ops.masking import patchify, random_mask, unpatchify


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


def test_patches_are_in_the_official_layout():
    batch, rows, columns, patch, channels = 2, 3, 2, 4, 3
    images = np.random.default_rng(0).normal(size=(batch, rows * patch, columns * patch, channels))
    got = patchify(jnp.asarray(images, jnp.float32), patch=patch)
    assert got.shape == (batch, rows * columns, patch * patch * channels)
    for b, h, w, p, q, c in np.ndindex(batch, rows, columns, patch, patch, channels):
        expected = images[b, h * patch + p, w * patch + q, c]
        assert got[b, h * columns + w, (p * patch + q) * channels + c] == np.float32(expected)


def test_unpatchify_is_the_inverse():
    images = jax.random.normal(jax.random.key(0), (2, 12, 8, 5))
    patches = patchify(images, patch=4)
    np.testing.assert_array_equal(unpatchify(patches, patch=4, size=(12, 8)), images)


def test_mismatches_are_refused():
    with pytest.raises(ValueError, match="patch must divide the image's height 8 and width 10"):
        patchify(jnp.ones((1, 8, 10, 3)), patch=4)
    with pytest.raises(ValueError, match=r"images must have shape \[B, H, W, C\], got \[8, 8, 3\]"):
        patchify(jnp.ones((8, 8, 3)), patch=4)
    with pytest.raises(ValueError, match=r"patches must have shape \[B, 4, 16 \* channels\]"):
        unpatchify(jnp.ones((1, 5, 16)), patch=4, size=(8, 8))
    with pytest.raises(ValueError, match=r"keys must have shape \[B\], got \[\]"):
        random_mask(jax.random.key(0), patches=4, ratio=0.5)
