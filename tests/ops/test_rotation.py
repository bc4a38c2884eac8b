import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.ops.rotation import quarter_turns


def test_the_turns_are_those_of_numpy():
    images = np.random.default_rng(0).normal(size=(3, 5, 5, 2)).astype(np.float32)
    turned = np.asarray(jax.jit(quarter_turns)(images))
    for k in range(4):
        np.testing.assert_array_equal(turned[:, k], np.rot90(images, k, axes=(1, 2)))


def test_no_value_is_interpolated():
    """Interpolated turns could be told from exact ones by their pixels alone."""
    image = jnp.asarray(np.random.default_rng(0).integers(0, 255, (6, 6, 3)), jnp.uint8)
    turned = quarter_turns(image)
    assert turned.dtype == jnp.uint8
    values = np.sort(np.asarray(turned).reshape(4, -1), axis=1)
    assert (values == values[0]).all()


def test_turning_a_turn_back_gives_the_image():
    image = jnp.asarray(np.random.default_rng(0).normal(size=(4, 4, 1)))
    np.testing.assert_array_equal(quarter_turns(quarter_turns(image)[1])[3], image)


@pytest.mark.parametrize("shape", [(2, 4, 5, 1), (4, 4)])
def test_images_have_to_be_square(shape):
    with pytest.raises(ValueError, match=r"images must have shape \[\.\.\., H, W, C\] with H = W"):
        quarter_turns(jnp.zeros(shape))
