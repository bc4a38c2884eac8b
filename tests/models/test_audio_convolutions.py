"""BYOL-A's encoder: shapes, what is pooled, what is refused."""

import jax
import numpy as np
import pytest
from flax import linen as nn

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.models.audio_convolutions import halved
from tests.models.jitted import apply, init

CONFIG = {"name": "audio_convolutions", "channels": 4, "blocks": 2, "out": 6}


def test_features_are_mean_and_maximum_over_times():
    module = build_encoder(CONFIG)
    x = jax.random.normal(jax.random.key(0), (3, 13, 9))
    params, stats = init(module, jax.random.key(1), x)
    found, _ = apply(module, params, stats, x, train=False)
    tokens = np.asarray(found.tokens)
    assert tokens.shape == (3, *module.grid((13, 9)), 6) == (3, 3, 6)
    np.testing.assert_allclose(found.pooled, tokens.mean(axis=1) + tokens.max(axis=1), rtol=1e-5)
    assert params["linear_0"]["kernel"].shape == (4 * (9 // 4), 6)
    count = sum(leaf.size for leaf in jax.tree.leaves(params))
    assert count == 9 * 4 + 9 * 16 + 4 * 4 + (8 * 6 + 6) + (6 * 6 + 6)


def test_a_shift_by_the_stride_shifts_the_tokens():
    module = build_encoder(CONFIG)
    x = np.zeros((1, 32, 8), np.float32)
    x[0, 12:16] = np.random.default_rng(0).normal(size=(4, 8))
    params, stats = init(module, jax.random.key(1), x)
    found, _ = apply(module, params, stats, x, train=False)
    moved, _ = apply(module, params, stats, np.roll(x, 4, axis=1), train=False)
    np.testing.assert_allclose(moved.tokens[:, 1:], found.tokens[:, :-1], atol=1e-5)


def test_maxima_of_cells_and_their_gradients_are_those_of_max_pooling():
    x = jax.random.randint(jax.random.key(0), (2, 7, 10, 3), -3, 4).astype(float)  # many are equal

    def pooled(x):
        return nn.max_pool(x, (2, 2), strides=(2, 2))

    def gradient(pool):
        return jax.grad(lambda x: (pool(x) ** 3).sum())(x)

    assert halved(x).shape == (2, 3, 5, 3)
    np.testing.assert_array_equal(halved(x), pooled(x))
    np.testing.assert_array_equal(gradient(halved), gradient(pooled))


@pytest.mark.parametrize(
    ("shape", "message"),
    [((400,), "config.data.sound='log_mel'"), ((3, 8), "blocks=2 needs at least 4 frames")],
)
def test_what_cannot_be_encoded_is_refused(shape, message):
    with pytest.raises(UserError, match=message):
        build_encoder(CONFIG).grid(shape)
