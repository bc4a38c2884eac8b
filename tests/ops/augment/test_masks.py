"""Masks are cropped and mirrored as their images are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from ssljax.ops.augment import Augmentation, crop_nearest, multi_crop, multi_crop_masks
from ssljax.ops.keys import per_example


@pytest.mark.parametrize("box", ((0, 0, 9, 7), (2, 1, 5, 6), (3, 0, 1, 7)))
@pytest.mark.parametrize("flip", (False, True))
def test_nearest_as_pillow(box, flip):
    mask = np.random.default_rng(0).integers(-1, 5, (9, 7), np.int32)
    top, left, height, width = box
    wanted = np.asarray(
        Image.fromarray(mask).resize((6, 4), Image.NEAREST, (left, top, left + width, top + height))
    )
    got = crop_nearest(jnp.asarray(mask), jnp.array(box, jnp.float32), (4, 6), flip)
    np.testing.assert_array_equal(got, wanted[:, ::-1] if flip else wanted)


def test_a_view_and_its_mask_show_the_same_places():
    """An image of two halves, and the mask of them: every pixel of a view is of its half."""
    rng = np.random.default_rng(1)
    masks = np.repeat(np.repeat(rng.integers(0, 2, (6, 3, 4), np.int32), 8, 1), 8, 2)
    views = {
        "crop": Augmentation(16, crop_scale=(0.1, 1.0), flip=0.5, count=2),
        "whole": Augmentation(12, flip=0.5),
    }
    keys = per_example(jax.random.key(3), 6)
    images = masks[..., None].astype(np.float32)
    crops = jax.jit(lambda k, x: multi_crop(views, k, x))(keys, images)
    made = jax.jit(lambda k, m: multi_crop_masks(views, k, m))(keys, masks)
    for name in views:
        assert made[name].shape == crops[name].shape[:-1] and made[name].dtype == jnp.int32
        image = np.asarray(crops[name])[..., 0]
        clear = (image < 0.05) | (image > 0.95)  # not blended at an edge
        assert clear.mean() > 0.5
        np.testing.assert_array_equal(np.asarray(made[name])[clear], np.rint(image[clear]))


def test_no_augmentation_keeps_the_mask():
    mask = jnp.arange(16, dtype=jnp.int32).reshape(1, 4, 4)
    made = multi_crop_masks({"plain": Augmentation(4)}, per_example(jax.random.key(0), 1), mask)
    np.testing.assert_array_equal(made["plain"][0, 0], mask[0])
