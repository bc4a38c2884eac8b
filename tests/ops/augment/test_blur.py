import dm_pix
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.ops.augment import gaussian_blur
from tests.reference import augment as reference

blur_jitted = jax.jit(gaussian_blur, static_argnums=2)


def random_image(shape):
    return np.random.default_rng(0).random(shape)


@pytest.mark.parametrize("sigma", [0.1, 0.7, 2.0])
@pytest.mark.parametrize(("shape", "kernel"), [((9, 9, 3), 3), ((7, 12, 1), 13), ((8, 5, 4), 1)])
def test_blur_is_the_loop(shape, kernel, sigma):
    image = random_image(shape)
    got = blur_jitted(jnp.float32(image), sigma, kernel)
    np.testing.assert_allclose(got, reference.gaussian_blur(image, sigma, kernel), atol=1e-6)


def test_blur_is_that_of_dm_pix_away_from_the_border():
    image = jnp.float32(random_image((20, 20, 3)))
    got = gaussian_blur(image, 1.3, 7)
    expected = dm_pix.gaussian_blur(image, 1.3, 7)
    np.testing.assert_allclose(got[3:-3, 3:-3], expected[3:-3, 3:-3], atol=1e-6)


def test_blur_switched_off_is_the_image():
    image = jnp.float32(random_image((9, 9, 3)))
    np.testing.assert_array_equal(gaussian_blur(image, 1.0, 5, on=False), image)


@pytest.mark.parametrize("kernel", [0, 4, 19])
def test_a_kernel_that_cannot_be_is_refused(kernel):
    with pytest.raises(ValueError, match=f"kernel={kernel} must be odd and from 1 to 17"):
        gaussian_blur(jnp.zeros((9, 12, 1)), 1.0, kernel)
