import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import losses
from ssljax.ops.normalize import l2_normalize

dcl, dclw = jax.jit(losses.dcl), jax.jit(losses.dclw)


def draw(batch=6, dim=4):
    return jax.random.normal(jax.random.key(0), (2, batch, dim))


@pytest.mark.parametrize("batch", [2, 7])
def test_of_equal_embeddings(batch):
    z = jnp.ones((batch, 4))
    expected = np.full(batch, math.log(2 * batch - 2))
    np.testing.assert_allclose(dcl(z, 3 * z, temperature=0.1), expected, atol=1e-5)
    np.testing.assert_allclose(dclw(z, 3 * z, temperature=0.1, sigma=0.5), expected, atol=1e-5)


def test_of_identical_pairs_orthonormal_otherwise():
    expected = math.log(14) - 1 / 0.1
    np.testing.assert_allclose(dcl(jnp.eye(8), jnp.eye(8), temperature=0.1), expected, rtol=1e-6)


def test_by_hand():
    # Angles 0 and 90 degrees, their partners at 0 and 180: cosines are 1, 0 and -1.
    z1, z2 = jnp.array([[1.0, 0.0], [0.0, 2.0]]), jnp.array([[5.0, 0.0], [-1.0, 0.0]])
    e = math.e
    first, second = -1 + math.log(1 + 1 / e), (math.log(2) + math.log(2 / e)) / 2
    np.testing.assert_allclose(dcl(z1, z2, temperature=1.0), [first, second], rtol=1e-6)
    # Pairs have cosines 1 and 0, so at sigma 1 the mean of exp(c) is (1 + e) / 2.
    weight = 2 - 2 * e / (1 + e)
    weighted = dclw(z1, z2, temperature=1.0, sigma=1.0)
    np.testing.assert_allclose(weighted, [first + 1 - weight, second], rtol=1e-6)


def test_is_nt_xent_without_the_positive_in_the_denominator():
    z1, z2 = draw()
    decoupled, whole = (
        f(z1, z2, temperature=0.2).astype(float) for f in (dcl, jax.jit(losses.nt_xent))
    )
    assert (decoupled < whole).all()

    # With no image near another, all the denominator of NT-Xent is the positive, which it then
    # cannot be pulled to; DCL still pulls with all its strength.
    def pull(loss):
        e = jnp.eye(4)
        z = e + 0.1 * e[jnp.array([1, 2, 3, 0])]
        gradient = jax.grad(lambda z: jnp.sum(loss(z, e, temperature=0.02)))(z)
        return float(jnp.abs(gradient).max())

    assert pull(losses.nt_xent) < 1e-3 < pull(losses.dcl)


def test_weights_are_of_mean_one_over_the_batch_and_constants():
    z1, z2 = draw()
    cosines = jnp.sum(l2_normalize(z1) * l2_normalize(z2), axis=1)
    density = jnp.exp(cosines / 0.5)
    weights = 2 - density / jnp.mean(density)
    assert float(jnp.mean(weights)) == pytest.approx(1)
    assert int(jnp.argmax(weights)) == int(jnp.argmin(cosines))  # far apart: counts more

    def spelt_out(z1, z2):
        positive = jnp.sum(l2_normalize(z1) * l2_normalize(z2), axis=1) / 0.2
        return jnp.mean(losses.dcl(z1, z2, temperature=0.2) + (1 - weights) * positive)

    def ours(z1, z2):
        return jnp.mean(losses.dclw(z1, z2, temperature=0.2, sigma=0.5))

    one = jax.jit(jax.value_and_grad(spelt_out, (0, 1)))(z1, z2)
    two = jax.jit(jax.value_and_grad(ours, (0, 1)))(z1, z2)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), one, two)


def test_is_exact_at_a_very_low_temperature():
    z1, z2 = jnp.eye(4), jnp.roll(jnp.eye(4), 1, axis=0)  # the pair is orthogonal, others agree
    loss, gradient = jax.jit(jax.value_and_grad(lambda z: jnp.mean(dcl(z, z2, temperature=1e-3))))(
        z1
    )
    assert float(loss) == pytest.approx(1000, rel=1e-5)
    assert np.isfinite(gradient).all()


def test_a_single_example_has_no_negative():
    one = jnp.ones((1, 4))
    with pytest.raises(ValueError, match="z1 must hold at least 2 examples"):
        dcl(one, one, temperature=0.1)


@pytest.mark.parametrize("sigma", [0.0, -1.0, float("nan")])
def test_sigma_has_to_be_positive(sigma):
    with pytest.raises(ValueError, match="sigma must be positive"):
        losses.dclw(jnp.eye(4), jnp.eye(4), temperature=0.1, sigma=sigma)
