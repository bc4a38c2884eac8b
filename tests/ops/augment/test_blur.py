import dm_pix
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageFilter

from ssljax.ops.augment import box_blur, gaussian_blur
from tests.reference import augment as reference

blur_jitted = jax.jit(gaussian_blur, static_argnums=(2, 4))
box_jitted = jax.jit(box_blur)


def random_image(shape):
    return np.random.default_rng(0).random(shape)


@pytest.mark.parametrize("border", ["reflect", "zero"])
@pytest.mark.parametrize("sigma", [0.1, 0.7, 2.0])
@pytest.mark.parametrize(("shape", "kernel"), [((9, 9, 3), 3), ((7, 12, 1), 13), ((8, 5, 4), 1)])
def test_blur_is_the_loop(shape, kernel, sigma, border):
    image = random_image(shape)
    got = blur_jitted(jnp.float32(image), sigma, kernel, True, border)
    expected = reference.gaussian_blur(image, sigma, kernel, border)
    np.testing.assert_allclose(got, expected, atol=1e-6)


# Boxes of a fraction of a pixel, of a whole number of pixels (2 / 3 = sigma^2 / 3) and of more.
@pytest.mark.parametrize("sigma", [0.1, 0.7, 2**0.5, 2.0, 3.3])
@pytest.mark.parametrize("shape", [(9, 9, 3), (7, 12, 1), (2, 3, 4)])
def test_boxes_are_the_loop(shape, sigma):
    image = random_image(shape)
    got = box_jitted(jnp.float32(image), sigma)
    np.testing.assert_allclose(got, reference.box_blur(image, sigma), atol=2e-6)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.0])
def test_boxes_are_pillows_gaussian_blur_but_for_its_rounding(sigma):
    image = (random_image((24, 31, 3)) * 255).round().astype(np.uint8)
    expected = Image.fromarray(image).filter(ImageFilter.GaussianBlur(sigma))
    off = np.abs(255 * np.asarray(box_jitted(jnp.float32(image / 255), sigma)) - expected)
    assert off.max() < 3 and off.mean() < 0.75  # Pillow rounds to bytes after each of six passes


def test_boxes_have_the_variance_of_the_gaussian():
    image = jnp.zeros((1, 41, 1)).at[0, 20].set(1.0)
    spread = np.asarray(box_jitted(image, 1.7)).ravel()
    assert spread.sum() == pytest.approx(1, abs=1e-6)
    assert spread @ (np.arange(41) - 20.0) ** 2 == pytest.approx(1.7**2, rel=1e-5)


def test_blur_is_that_of_dm_pix_away_from_the_border():
    image = jnp.float32(random_image((20, 20, 3)))
    got = gaussian_blur(image, 1.3, 7)
    expected = dm_pix.gaussian_blur(image, 1.3, 7)
    np.testing.assert_allclose(got[3:-3, 3:-3], expected[3:-3, 3:-3], atol=1e-6)


def test_blur_switched_off_is_the_image():
    image = jnp.float32(random_image((9, 9, 3)))
    np.testing.assert_array_equal(gaussian_blur(image, 1.0, 5, on=False), image)
    np.testing.assert_array_equal(box_jitted(image, 1.0, False), image)


@pytest.mark.parametrize("kernel", [0, 4, 19])
def test_a_kernel_that_cannot_be_is_refused(kernel):
    with pytest.raises(ValueError, match=f"kernel={kernel} must be odd and from 1 to 17"):
        gaussian_blur(jnp.zeros((9, 12, 1)), 1.0, kernel)
