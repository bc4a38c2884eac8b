"""Views against torchvision: filters of crops, blurs and colours of the official codes."""

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageFilter

from ssljax.ops.augment import (
    box_blur,
    color_jitter,
    crop_and_resize,
    gaussian_blur,
    solarize,
    to_grey,
)

torch = pytest.importorskip("torch")
transforms = pytest.importorskip("torchvision.transforms")

ADJUST = ("adjust_brightness", "adjust_contrast", "adjust_saturation", "adjust_hue")


def _image(height=40, width=30):
    return (np.random.default_rng(0).random((height, width, 3)) * 255).round().astype(np.uint8)


def _tensor(image):
    return torch.from_numpy(np.float32(image)).permute(2, 0, 1)


def _array(tensor):
    return tensor.permute(1, 2, 0).numpy()


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("box", [(0, 0, 40, 30), (4, 6, 31, 11), (10, 2, 6, 6)])
def test_resized_crops(interpolation, box):
    photo = 64 + _image() // 2  # overshoots stay in range, which Pillow cuts after each pass
    image, mode = photo / 255, transforms.InterpolationMode(interpolation)
    got = crop_and_resize(jnp.float32(image), jnp.float32(box), (16, 20), False, interpolation)
    crop = transforms.functional.resized_crop
    np.testing.assert_allclose(got, _array(crop(_tensor(image), *box, (16, 20), mode)), atol=3e-6)
    # of an image as a loader of ImageNet has it, in bytes, after each of two passes
    picture = np.asarray(crop(Image.fromarray(photo), *box, (16, 20), mode))
    assert np.abs(255 * got - picture).max() < 1.5


def test_blurs():
    image = _image() / 255
    for sigma in (0.1, 1.0, 2.0):
        expected = transforms.functional.gaussian_blur(_tensor(image), [9, 9], [sigma, sigma])
        got = gaussian_blur(jnp.float32(image), sigma, 9)  # DINOv2's, in crops of any size
        np.testing.assert_allclose(got, _array(expected), atol=1e-6)
    picture = np.asarray(Image.fromarray(_image()).filter(ImageFilter.GaussianBlur(2.0)))
    assert np.abs(255 * np.asarray(box_blur(jnp.float32(image), 2.0)) - picture).max() < 2


@pytest.mark.parametrize("kind", range(4))
@pytest.mark.parametrize("amount", [0.6, 1.4])
def test_colours(kind, amount):
    image, name = _image() / 255, ADJUST[kind].partition("_")[2]
    amount = amount - 1 if name == "hue" else amount
    expected = getattr(transforms.functional, ADJUST[kind])(_tensor(image), amount)
    got = color_jitter(jnp.float32(image), jnp.arange(4), **{name: amount})
    np.testing.assert_allclose(got, _array(expected), atol=2e-4)  # its grey sums to .9999


def test_grey_and_solarize():
    image = _image() / 255
    grey = transforms.functional.rgb_to_grayscale(_tensor(image), 3)
    np.testing.assert_allclose(to_grey(jnp.float32(image)), _array(grey), atol=2e-4)
    inverted = transforms.functional.solarize(_tensor(image), 0.5)
    np.testing.assert_allclose(solarize(jnp.float32(image)), _array(inverted), atol=1e-6)


def test_what_is_applied_at_random_is_applied_with_the_probability_and_not_kept_with_it():
    """So that DINOv2's blur, which hands over 1 - p as if to keep, blurs with 1 - p."""
    invert = transforms.Lambda(lambda image: 1 - image)
    for probability, changed in ((0.0, False), (1.0, True)):
        image = torch.rand(3, 4, 4)
        applied = transforms.RandomApply([invert], p=probability)(image)
        assert (applied is not image) == changed
