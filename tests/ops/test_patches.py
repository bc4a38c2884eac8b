import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.ops.patches import patchify, unpatchify


def test_patches_are_in_the_official_layout():
    batch, rows, columns, patch, channels = 2, 3, 2, 4, 3
    images = np.random.default_rng(0).normal(size=(batch, rows * patch, columns * patch, channels))
    got = patchify(jnp.asarray(images, jnp.float32), patch=patch)
    assert got.shape == (batch, rows * columns, patch * patch * channels)
    for b, h, w, p, q, c in np.ndindex(batch, rows, columns, patch, patch, channels):
        expected = images[b, h * patch + p, w * patch + q, c]
        assert got[b, h * columns + w, (p * patch + q) * channels + c] == np.float32(expected)


def test_patches_of_a_series_and_of_a_video():
    series = jnp.arange(12.0).reshape(1, 6, 2)
    np.testing.assert_array_equal(patchify(series, patch=(3,)), series.reshape(1, 2, 6))
    video = np.random.default_rng(0).normal(size=(2, 4, 6, 4, 3)).astype(np.float32)
    got = patchify(jnp.asarray(video), patch=(2, 3, 4))
    assert got.shape == (2, 2 * 2 * 1, 2 * 3 * 4 * 3)
    np.testing.assert_array_equal(got[:, 3], video[:, 2:, 3:].reshape(2, -1))


@pytest.mark.parametrize(
    ("shape", "patch"),
    [((2, 12, 8, 5), 4), ((2, 12, 8, 5), (3, 2)), ((2, 9, 2), 3), ((1, 4, 6, 8, 2), (2, 3, 4))],
)
def test_unpatchify_is_the_inverse(shape, patch):
    x = jax.random.normal(jax.random.key(0), shape)
    patches = patchify(x, patch=patch)
    np.testing.assert_array_equal(unpatchify(patches, patch=patch, size=shape[1:-1]), x)


def test_mismatches_are_refused():
    with pytest.raises(ValueError, match=r"patch \(4, 4\) must divide the sides \(8, 10\)"):
        patchify(jnp.ones((1, 8, 10, 3)), patch=4)
    with pytest.raises(ValueError, match=r"examples must have shape .* got \[8, 8\]"):
        patchify(jnp.ones((8, 8)), patch=4)
    with pytest.raises(ValueError, match=r"patch \(4, 4\) must have a side for each of 1 axes"):
        patchify(jnp.ones((1, 8, 3)), patch=(4, 4))
    with pytest.raises(ValueError, match=r"patches must have shape \[B, 4, 16 \* channels\]"):
        unpatchify(jnp.ones((1, 5, 16)), patch=4, size=(8, 8))
