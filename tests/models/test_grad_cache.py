"""An encoder that takes its batch in parts, against one that takes it at once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.models import ViT, apply, build_encoder
from tests.models.jitted import init, scrambled

FIELDS = {"patch_size": 4, "image_size": 16, "width": 16, "depth": 2, "heads": 2}
KEY = jax.random.key(0)
IMAGES = jax.random.normal(KEY, (12, 16, 16, 3))


def parameters():
    return scrambled(init(ViT(**FIELDS), KEY, IMAGES[:1])[0])


def value_and_gradient(chunks, **options):
    """Return all results of a ViT, and the gradient of a loss that couples the batch."""
    encoder = ViT(**FIELDS, grad_cache=chunks)

    def loss(params):
        encoded, _ = apply(encoder, params, {}, IMAGES, train=True, **options)
        similar = encoded.pooled @ encoded.pooled.T
        return jnp.mean(jax.nn.logsumexp(similar, axis=1)) + jnp.mean(encoded.tokens**3), encoded

    (value, encoded), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(parameters())
    return value, encoded, gradient


KEEP = {"keep": np.arange(12 * 2 * 3).reshape(12, 2, 3) % 16}
MASKED = {"masked": np.arange(12 * 16).reshape(12, 16) % 3 == 0, "mask_token": np.ones(16)}


@pytest.mark.parametrize("options", [KEEP, MASKED | {"mlp_outputs": True}], ids=["keep", "masked"])
def test_parts_give_what_the_whole_batch_gives(options):
    whole, parts = (value_and_gradient(chunks, **options) for chunks in (1, 3))
    scale = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(whole[2]))
    for one, other in zip(jax.tree.leaves(parts), jax.tree.leaves(whole), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5 * max(scale, 1))


def test_the_backward_pass_draws_the_random_numbers_of_the_forward_pass():
    """With drop-path, a slope is right only if both passes skip the same branches."""
    encoder = ViT(**FIELDS, grad_cache=3, drop_path=0.5)
    params = parameters()

    @jax.jit
    def loss(params):
        encoded, _ = apply(encoder, params, {}, IMAGES, train=True, key=KEY)
        return jnp.mean(jnp.sin(encoded.pooled))

    gradient = jax.jit(jax.grad(loss))(params)
    along = jax.tree.map(lambda p: 1e-2 * jnp.cos(p), params)
    ahead = loss(jax.tree.map(jnp.add, params, along))
    behind = loss(jax.tree.map(jnp.subtract, params, along))
    slope = sum(jax.tree.leaves(jax.tree.map(lambda g, d: jnp.sum(g * d), gradient, along)))
    assert float(slope) == pytest.approx(float(ahead - behind) / 2, rel=2e-2)


def test_memory_is_that_of_one_part():
    images = jax.ShapeDtypeStruct((256, 16, 16, 3), jnp.float32)

    def temporaries(chunks):
        encoder = ViT(**FIELDS, grad_cache=chunks)

        def loss(params, images):
            pooled = apply(encoder, params, {}, images, train=True)[0].pooled
            return jnp.mean(jax.nn.logsumexp(pooled @ pooled.T, axis=1))

        compiled = jax.jit(jax.grad(loss)).lower(parameters(), images).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert temporaries(16) < temporaries(1) / 4


def test_parts_that_are_not_equal_are_refused():
    with pytest.raises(UserError, match=r"encoder\.grad_cache=5 does not divide the 12 examples"):
        value_and_gradient(5)


def test_evaluation_takes_any_batch_at_once():
    encoder = ViT(**FIELDS, grad_cache=5)
    shape = jax.eval_shape(lambda: apply(encoder, parameters(), {}, IMAGES, train=False)[0].pooled)
    assert shape.shape == (12, 16)


def test_a_resnet_refuses_with_the_reason():
    with pytest.raises(UserError, match=r"encoder\.grad_cache=4 .*batch normalisation"):
        build_encoder({"name": "resnet50", "grad_cache": 4})
