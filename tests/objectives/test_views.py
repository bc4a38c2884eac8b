"""The size of views where none is given, and images of any number of channels."""

import jax
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.objectives.views import Views
from ssljax.spec import image_spec


@pytest.mark.parametrize("shape", [(4, 12, 1), (12, 4, 1)])
def test_views_of_images_that_are_not_square_are_as_large_as_the_shorter_side(shape):
    spec = image_spec(shape, (0.0,), (1.0,), 2)
    views = Views.crops().bound("image", spec.fields["image"])
    assert views.augmentations["crop"].size == 4
    # Without a crop the whole image is in the view: each third of it is a value of its own.
    values = np.repeat(np.arange(3, dtype=np.float32) / 4, 4)
    image = values.reshape((12, 1) if shape[0] == 12 else (1, 12))[..., None] * np.ones(shape, "f4")
    batch = {"image": image[None], "row": np.arange(1)}
    view = np.asarray(jax.jit(views.__call__)(jax.random.key(0), batch)["crop"])[0, 0]
    assert view.shape == (4, 4, 1)
    assert view.min() < 0.05 and view.max() > 0.45


@pytest.mark.parametrize("name", ["contrast", "saturation", "hue", "grey_prob"])
def test_colours_of_other_images_than_grey_and_rgb_are_refused_by_name(name):
    field = image_spec((8, 8, 13), (0.5,) * 13, (0.2,) * 13, 10).fields["image"]
    views = Views({"crop": {"flip": 0.5, name: 0.3}}, given=True).bound("image", field)
    with pytest.raises(UserError, match=rf"objective.views.crop: {name} change.* 13 channels"):
        views.count  # noqa: B018
    off = Views({"crop": {"jitter_prob": 0.0, name: 0.3 if name != "grey_prob" else 0.0}})
    assert off.bound("image", field).count == 1


def test_other_operations_take_every_channel_by_itself():
    field = image_spec((8, 8, 13), (0.0,) * 13, (1.0,) * 13, 10).fields["image"]
    augmented = {"crop_scale": (0.3, 1.0), "flip": 0.5, "brightness": 0.4, "blur_prob": 0.5}
    views = Views({"crop": {**augmented, "solarize_prob": 0.5, "count": 3}})
    pixels = np.random.default_rng(0).integers(0, 65_536, (4, 8, 8, 13), np.uint16)
    batch = {"image": pixels, "row": np.arange(4)}
    made = jax.jit(views.bound("image", field).__call__)(jax.random.key(0), batch)["crop"]
    made = np.asarray(made)
    one = views.bound("image", field.replace(shape=(8, 8, 1), mean=(0.0,), std=(1.0,)))
    one = jax.jit(one.__call__)
    for channel in (0, 12):
        alone = one(jax.random.key(0), {**batch, "image": pixels[..., [channel]]})["crop"]
        np.testing.assert_allclose(made[..., [channel]], alone, atol=1e-6)
