import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import losses

batch_info_nce = jax.jit(losses.batch_info_nce)
info_nce, nt_xent = jax.jit(losses.info_nce), jax.jit(losses.nt_xent)


@pytest.mark.parametrize("batch", [2, 3, 7])
def test_nt_xent_of_equal_embeddings(batch):
    z = jnp.ones((batch, 4))
    loss = jnp.mean(nt_xent(z, 3 * z, temperature=0.1))
    np.testing.assert_allclose(loss, math.log(2 * batch - 1), atol=1e-5)


@pytest.mark.parametrize("temperature", [0.1, 0.5, 1.0])
def test_nt_xent_of_identical_pairs_orthonormal_otherwise(temperature):
    loss = nt_xent(jnp.eye(8), jnp.eye(8), temperature=temperature)
    expected = math.log(1 + 14 * math.exp(-1 / temperature))
    np.testing.assert_allclose(loss, np.full(8, expected), atol=1e-5)


def test_products_by_hand():
    """Raw products 2, 1 / 0, 3 over a temperature of 2; longer vectors count for more."""
    query, keys = jnp.array([[2.0, 0.0], [0.0, 1.0]]), jnp.array([[1.0, 0.0], [0.5, 3.0]])
    loss = losses.batch_info_nce(query, keys, temperature=2.0, normalize=False)
    expected = [
        math.log(math.exp(1) + math.exp(0.5)) - 1,
        math.log(math.exp(0) + math.exp(1.5)) - 1.5,
    ]
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_nt_xent_by_hand():
    # Angles 0 and 90 degrees, their partners at 0 and 180: cosines are 1, 0 and -1.
    z1, z2 = jnp.array([[1.0, 0.0], [0.0, 2.0]]), jnp.array([[5.0, 0.0], [-1.0, 0.0]])
    e = math.e
    first = [-1 + math.log(1 + e + 1 / e), -1 + math.log(1 + e + 1 / e)]
    second = [math.log(3), math.log(1 + 2 / e)]
    np.testing.assert_allclose(
        nt_xent(z1, z2, temperature=1.0), [sum(first) / 2, sum(second) / 2], rtol=1e-6
    )


def test_nt_xent_of_independent_embeddings_exceeds_that_of_equal_ones():
    batch, dim, temperature = 512, 128, 0.2
    z1, z2 = jax.random.normal(jax.random.key(0), (2, batch, dim))
    loss = float(jnp.mean(nt_xent(z1, z2, temperature=temperature)))
    expected = math.log(2 * batch - 1) + 1 / (2 * dim * temperature**2)
    assert loss == pytest.approx(expected, abs=0.03)
    assert loss > math.log(2 * batch - 1) + 0.05


def test_nt_xent_does_not_mind_which_view_is_first():
    z1, z2 = jax.random.normal(jax.random.key(0), (2, 6, 4))
    np.testing.assert_allclose(
        nt_xent(z1, z2, temperature=0.1), nt_xent(z2, z1, temperature=0.1), rtol=1e-6
    )


def test_nt_xent_is_exact_at_a_very_low_temperature():
    z1, z2 = jnp.eye(4), jnp.roll(jnp.eye(4), 1, axis=0)  # the pair is orthogonal, others agree
    loss, gradient = jax.jit(
        jax.value_and_grad(lambda z: jnp.mean(nt_xent(z, z2, temperature=1e-3)))
    )(z1)
    assert float(loss) == pytest.approx(1000, rel=1e-5)
    assert np.isfinite(gradient).all()


def test_info_nce_of_equal_logits():
    loss = info_nce(jnp.ones((2, 4)), jnp.ones((2, 4)), jnp.ones((65536, 4)), temperature=0.07)
    np.testing.assert_allclose(loss, math.log(65537), rtol=1e-6)


def test_info_nce_by_hand():
    query, positive = jnp.array([[2.0, 0.0]]), jnp.array([[0.0, 3.0]])
    negatives = jnp.array([[1.0, 0.0], [-4.0, 0.0]])
    loss = info_nce(query, positive, negatives, temperature=0.5)
    expected = math.log(1 + math.exp(2) + math.exp(-2))
    np.testing.assert_allclose(loss, [expected], rtol=1e-6)


def test_info_nce_is_nt_xent_of_one_direction():
    # For a single pair of views, with the queue holding nothing but an opposite vector.
    query = jnp.array([[1.0, 0.0]])
    loss = info_nce(query, query, -query, temperature=1.0)
    np.testing.assert_allclose(loss, [math.log(1 + math.exp(-2))], rtol=1e-6)


def test_batch_info_nce_of_equal_embeddings():
    # Twice, times 2 t, is the loss of MoCo v3 that has collapsed: 4 t log B.
    loss = batch_info_nce(jnp.ones((4096, 4)), jnp.ones((4096, 4)), temperature=0.2)
    assert 4 * 0.2 * float(jnp.mean(loss)) == pytest.approx(6.654, abs=1e-3)


def test_batch_info_nce_by_hand():
    query, keys = jnp.array([[2.0, 0.0], [0.0, 1.0]]), jnp.array([[3.0, 0.0], [-1.0, 0.0]])
    loss = batch_info_nce(query, keys, temperature=0.5)
    np.testing.assert_allclose(loss, [math.log(1 + math.exp(-4)), math.log(2)], rtol=1e-5)


def test_batch_info_nce_is_info_nce_with_the_keys_of_the_others():
    query, keys = jax.random.normal(jax.random.key(0), (2, 5, 4))
    loss = batch_info_nce(query, keys, temperature=0.2)
    others = info_nce(query[:1], keys[:1], keys[1:], temperature=0.2)
    np.testing.assert_allclose(loss[:1], others, rtol=1e-5)
