import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.ops.region_mask import mask_region

KEYS = jax.random.split(jax.random.key(0), 60)
IMAGES = jnp.asarray(np.random.default_rng(0).normal(size=(60, 7, 8, 3)), jnp.float32)


@pytest.mark.parametrize("region", ["center", "random"])
def test_the_rest_and_the_hidden_make_the_image(region):
    holed = mask_region(KEYS, IMAGES, side=3, region=region)
    corners = set()
    for rest, hidden, image in zip(*map(np.asarray, (*holed, IMAGES)), strict=True):
        y, x = np.argwhere((rest == 0).all(axis=-1))[0]
        corners.add((int(y), int(x)))
        np.testing.assert_array_equal(hidden, image[y : y + 3, x : x + 3])
        image = image.copy()
        image[y : y + 3, x : x + 3] = 0
        np.testing.assert_array_equal(rest, image)
    if region == "center":
        assert corners == {(2, 2)}
    else:
        assert {y for y, _ in corners} == set(range(5)) and {x for _, x in corners} == set(range(6))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"side": 7}, "side must be at least 1 and below the 7 pixels of an image, got 7"),
        ({"side": 0}, "got 0"),
        ({"region": "left"}, "region must be one of center, random, got 'left'"),
    ],
)
def test_out_of_range(changes, message):
    with pytest.raises(ValueError, match=message):
        mask_region(KEYS, IMAGES, **{"side": 3, "region": "center", **changes})
