"""Edges of images, by hand and against SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from ssljax.ops.edges import edges


def test_edges_are_those_of_sobel():
    images = np.random.default_rng(0).random((3, 7, 9, 3))
    grey = images.mean(axis=-1)
    for found, one in zip(edges(jnp.asarray(images)), grey, strict=True):
        strength = np.hypot(*(scipy.ndimage.sobel(one, axis, mode="nearest") for axis in (0, 1)))
        expected = (strength - strength.mean()) / strength.std()
        np.testing.assert_allclose(found[..., 0], expected, atol=1e-4)


def test_a_step_by_hand():
    """A step between the columns 2 and 3 of 6: 4 at both of them, 0 elsewhere, a third of all.

    The mean is 4/3, the deviation sqrt(16/3 - 16/9) = 4 sqrt(2)/3: (4 - 4/3) / that is sqrt(2).
    """
    step = jnp.zeros((1, 4, 6, 1)).at[:, :, 3:].set(1.0)
    expected = [-np.sqrt(0.5)] * 2 + [np.sqrt(2)] * 2 + [-np.sqrt(0.5)] * 2
    np.testing.assert_allclose(edges(step)[0, 1, :, 0], expected, atol=1e-5)


def test_brightness_and_contrast_do_not_matter_and_a_flat_image_has_none():
    images = jnp.asarray(np.random.default_rng(1).random((2, 6, 6, 1)))
    np.testing.assert_allclose(edges(3 * images - 5), edges(images), atol=1e-4)
    flat = jnp.full((1, 4, 4, 3), 0.7)
    assert (edges(flat) == 0).all()
    assert jnp.isfinite(jax.grad(lambda x: edges(x).sum())(flat)).all()
    with pytest.raises(ValueError, match="images must be"):
        edges(jnp.zeros((4, 4, 3)))
