"""The size of views where none is given."""

import jax
import jax.numpy as jnp
import pytest

from ssljax.objectives.views import Views
from ssljax.spec import image_spec


@pytest.mark.parametrize("shape", [(4, 12, 1), (12, 4, 1)])
def test_views_of_images_that_are_not_square_are_as_large_as_the_shorter_side(shape):
    spec = image_spec(shape, (0.0,), (1.0,), 2)
    views = Views.crops().bound("image", spec.fields["image"])
    assert views.augmentations["crop"].size == 4
    # Without a crop the whole image is in the view: each third of it is a value of its own.
    values = jnp.repeat(jnp.arange(3.0) / 4, 4)
    image = values.reshape((12, 1) if shape[0] == 12 else (1, 12))[..., None] * jnp.ones(shape)
    batch = {"image": image[None], "row": jnp.arange(1)}
    view = views(jax.random.key(0), batch)["crop"][0, 0]
    assert view.shape == (4, 4, 1)
    assert view.min() < 0.05 and view.max() > 0.45
