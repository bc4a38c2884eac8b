"""CLIP's and SigLIP's losses against values worked out by hand."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import losses

clip, siglip = jax.jit(losses.clip), jax.jit(losses.siglip)


def test_clip_of_equal_embeddings_is_log_b():
    loss = clip(jnp.ones((7, 4)), jnp.ones((7, 4)), temperature=0.07)
    np.testing.assert_allclose(loss, np.full(7, math.log(7)), atol=1e-5)


def test_clip_by_hand():
    # Cosines are [[1, -1], [0, 0]]: the rows are those of the images, the columns of the texts.
    image, text = jnp.array([[2.0, 0.0], [0.0, 1.0]]), jnp.array([[3.0, 0.0], [-1.0, 0.0]])
    first = [math.log(1 + math.exp(-4)), math.log(1 + math.exp(-2))]
    second = [math.log(2), math.log(1 + math.exp(-2))]
    loss = clip(image, text, temperature=0.5)
    np.testing.assert_allclose(loss, [sum(first) / 2, sum(second) / 2], rtol=1e-5)


def test_clip_of_independent_embeddings():
    batch, dim, scale = 512, 128, 5.0
    image, text = jax.random.normal(jax.random.key(0), (2, batch, dim))
    loss = float(jnp.mean(clip(image, text, temperature=1 / scale)))
    assert loss == pytest.approx(math.log(batch) + scale**2 / (2 * dim), abs=0.05)


def test_siglip_starts_at_ten_where_all_is_orthogonal():
    image, text = jnp.eye(1024)[:512], jnp.eye(1024)[512:]
    loss = jnp.mean(siglip(image, text, temperature=0.1, bias=-10.0))
    expected = math.log(1 + math.exp(10)) + 511 * math.log(1 + math.exp(-10))
    assert expected == pytest.approx(10.023, abs=1e-3)
    assert float(loss) == pytest.approx(expected, rel=1e-6)


def test_siglip_by_hand():
    # s = cosine / 0.5 - 1: the pairs are at 1 and -1, the others at -3 and -1.
    image, text = jnp.array([[2.0, 0.0], [0.0, 1.0]]), jnp.array([[3.0, 0.0], [-1.0, 0.0]])
    log1p_exp = [math.log(1 + math.exp(x)) for x in (-1, -3, 1, -1)]
    loss = siglip(image, text, temperature=0.5, bias=-1.0)
    np.testing.assert_allclose(loss, [sum(log1p_exp[:2]), sum(log1p_exp[2:])], rtol=1e-5)


def test_siglip_of_pairs_that_are_sure_is_nothing():
    loss, gradient = jax.jit(
        jax.value_and_grad(
            lambda x: jnp.sum(losses.siglip(x, x, temperature=0.01, bias=-50.0)),
        )
    )(jnp.eye(4))
    assert float(loss) == pytest.approx(0, abs=1e-5)
    np.testing.assert_allclose(gradient, np.zeros((4, 4)), atol=1e-5)


def test_a_bias_that_is_no_scalar_is_refused():
    with pytest.raises(ValueError, match=r"bias must be a scalar, got shape \[3\]"):
        losses.siglip(jnp.eye(3), jnp.eye(3), temperature=0.1, bias=jnp.zeros(3))
