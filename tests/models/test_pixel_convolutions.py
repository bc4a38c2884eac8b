"""CURL's encoder: the sizes of the official code, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.models import build_encoder


@pytest.mark.parametrize(
    ("side", "depth", "left"), [(84, 2, 39), (84, 4, 35), (84, 6, 31), (64, 4, 25)]
)
def test_the_sizes_are_those_of_the_official_table(side, depth, left):
    """OUT_DIM and OUT_DIM_64 of MishaLaskin/curl, encoder.py."""
    encoder = build_encoder({"name": "pixel_convolutions", "depth": depth})
    assert encoder.grid((side, side, 9)) == (left, left)
    x = jax.ShapeDtypeStruct((2, side, side, 9), jnp.float32)
    made, params = jax.eval_shape(
        lambda x: encoder.init_with_output(jax.random.key(0), x, train=False), x
    )
    assert made.pooled.shape == (2, 50) and made.tokens.shape == (2, left * left, 32)
    sizes = sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(params))
    assert sizes == (81 + 1) * 32 + (depth - 1) * (288 + 1) * 32 + (left**2 * 32 + 1) * 50 + 100


def test_features_are_normalised():
    encoder = build_encoder({"name": "pixel_convolutions", "channels": 4, "depth": 2, "out": 8})
    x = jnp.asarray(np.random.default_rng(0).random((3, 9, 12, 2)), jnp.float32)
    found, _ = encoder.init_with_output(jax.random.key(0), x, train=True)
    np.testing.assert_allclose(found.pooled.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(found.pooled.std(axis=1), 1, atol=1e-2)


def test_images_that_nothing_is_left_of_are_refused():
    encoder = build_encoder({"name": "pixel_convolutions", "depth": 4})
    assert encoder.grid((15, 16, 3)) == (1, 1)
    with pytest.raises(UserError, match="encoder.depth=4 leaves nothing .* 15 pixels or more"):
        encoder.grid((14, 30, 3))
