import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from ssljax.ops.augment import crop_and_resize, sample_box
from ssljax.ops.augment.geometry import CROP_DRAWS
from tests.reference import augment as reference

resize_jitted = jax.jit(crop_and_resize, static_argnums=(2, 4))
FILTERS = {
    "bilinear": (reference.triangle, Image.Resampling.BILINEAR),
    "bicubic": (reference.cubic, Image.Resampling.BICUBIC),
}


def random_image(shape, seed=0):
    return np.random.default_rng(seed).random(shape)


def sample_boxes(count, shape, scale, ratio):
    uniforms = jax.random.uniform(jax.random.key(0), (count, CROP_DRAWS))
    boxes = jax.jit(jax.vmap(lambda u: sample_box(u, shape, scale, ratio)))(uniforms)
    return np.asarray(uniforms, np.float64), np.asarray(boxes)


@pytest.mark.parametrize(
    ("shape", "scale", "ratio"),
    [
        ((32, 32), (0.2, 1.0), (3 / 4, 4 / 3)),
        ((20, 60), (0.08, 1.0), (3 / 4, 4 / 3)),
        ((60, 20), (0.9, 1.0), (3 / 4, 4 / 3)),
        ((28, 28), (1.0, 1.0), (0.5, 0.6)),
    ],
)
def test_boxes_are_those_of_the_loop_with_the_same_draws(shape, scale, ratio):
    uniforms, boxes = sample_boxes(400, shape, scale, ratio)
    expected = np.array([reference.sample_box(u, shape, scale, ratio) for u in uniforms])
    # A side within float32 rounding of a half may fall to the other whole number.
    agree = np.all(boxes == expected, axis=1)
    assert agree.mean() > 0.99
    assert np.abs(boxes - expected).max() <= 1


def test_boxes_lie_inside_and_areas_and_aspects_follow_their_law():
    size, scale, ratio = 200, (0.1, 0.4), (3 / 4, 4 / 3)
    _, boxes = sample_boxes(4000, (size, size), scale, ratio)
    top, left, height, width = boxes.T
    assert np.all(boxes == np.round(boxes))
    assert top.min() == 0 and left.min() == 0
    assert np.all(top + height <= size) and np.all(left + width <= size)
    assert (top + height).max() == size
    # At this scale every first candidate fits, so the laws are not bent by rejection.
    area = height * width / size**2
    log_aspect = np.log(width / height)
    assert abs(area.mean() - 0.25) < 0.005
    assert abs(area.std() - 0.3 / np.sqrt(12)) < 0.005
    assert abs(log_aspect.mean()) < 0.01
    assert abs(log_aspect.std() - 2 * np.log(4 / 3) / np.sqrt(12)) < 0.01
    assert abs(np.corrcoef(area, log_aspect)[0, 1]) < 0.05


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("size", [(7, 5), (12, 30), (24, 18)])
@pytest.mark.parametrize("box", [(0, 0, 24, 18), (3, 2, 9, 13), (23, 17, 1, 1), (5, 0, 19, 4)])
def test_crop_and_resize_is_the_loop(channels, size, box):
    image = random_image((24, 18, channels))
    top, left, height, width = box
    expected = reference.resize(image[top : top + height, left : left + width], size)
    for flip in (False, True):
        got = resize_jitted(jnp.float32(image), jnp.float32(box), size, flip)
        np.testing.assert_allclose(got, expected[:, ::-1] if flip else expected, atol=2e-6)


@pytest.mark.parametrize("box", [(0, 0, 40, 30), (4, 6, 31, 11), (10, 2, 6, 6), (39, 0, 1, 30)])
@pytest.mark.parametrize("interpolation", FILTERS)
def test_crop_and_resize_is_pillow_in_floats(interpolation, box):
    """torchvision's resized_crop of an image calls crop, then resize: no pixel outside counts."""
    image = np.float32(random_image((40, 30)))
    top, left, height, width = box
    kernel, filtered = FILTERS[interpolation]
    crop = Image.fromarray(image).crop((left, top, left + width, top + height))
    for size in ((16, 16), (50, 9)):
        expected = np.asarray(crop.resize(size[::-1], filtered))
        got = resize_jitted(image[..., None], jnp.float32(box), size, False, interpolation)
        np.testing.assert_allclose(got[..., 0], expected, atol=3e-6)
        cut = np.float64(image)[top : top + height, left : left + width, None]
        np.testing.assert_allclose(got, reference.resize(cut, size, kernel), atol=3e-6)


def test_the_two_filters_differ_most_where_an_image_is_enlarged_and_bicubic_overshoots():
    image = jnp.float32(random_image((12, 12)) > 0.5)[..., None]
    box = jnp.float32((0, 0, 12, 12))
    linear, cubic = (
        np.asarray(resize_jitted(image, box, (30, 30), False, name)) for name in FILTERS
    )
    assert np.abs(linear - cubic).max() > 0.1
    assert linear.min() > -1e-6 and linear.max() < 1 + 1e-6
    assert cubic.min() < -0.05 and cubic.max() > 1.05


@pytest.mark.parametrize("box", [(0, 0, 40, 30), (4, 6, 31, 11), (10, 2, 6, 6)])
def test_crop_and_resize_is_pillow_in_bytes(box):
    image = (random_image((40, 30, 3)) * 255).round().astype(np.uint8)
    top, left, height, width = box
    crop = Image.fromarray(image).crop((left, top, left + width, top + height))
    expected = np.asarray(crop.resize((16, 16), Image.Resampling.BILINEAR), np.float64)
    got = crop_and_resize(jnp.float32(image), jnp.float32(box), (16, 16))
    # Pillow rounds to a byte after each of the two passes.
    assert np.abs(np.asarray(got) - expected).max() <= 1.01


def test_the_whole_image_at_its_own_size_is_itself():
    image = jnp.float32(random_image((9, 11, 3)))
    got = crop_and_resize(image, jnp.float32((0, 0, 9, 11)), (9, 11))
    np.testing.assert_array_equal(got, image)


def test_a_constant_image_stays_constant():
    image = jnp.full((13, 13, 1), 0.3)
    got = crop_and_resize(image, jnp.float32((1, 2, 10, 7)), (20, 5))
    np.testing.assert_allclose(got, 0.3, atol=1e-6)
