import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.losses import kl_to_normal, vae

IMAGES = jnp.linspace(0, 1, 2 * 28 * 28).reshape(2, 28, 28, 1)
NOTHING = jnp.zeros((2, 10))  # the posterior is the prior


def loss(x, reconstruction, mean=NOTHING, log_variance=NOTHING, beta=1.0, likelihood="bernoulli"):
    return vae(x, reconstruction, mean, log_variance, beta=beta, likelihood=likelihood)


def test_logits_of_zero_cost_a_bit_for_each_pixel():
    value = loss(IMAGES, jnp.zeros_like(IMAGES))
    np.testing.assert_allclose(value, np.full(2, 784 * math.log(2)), rtol=1e-6)


def test_the_prior_diverges_from_itself_by_nothing():
    x = jnp.ones((2, 1))
    sure = jnp.full((2, 1), 200.0)
    np.testing.assert_array_equal(loss(x, sure), np.zeros(2))


def test_divergence_by_hand():
    # KL(N(1, 4) || N(0, 1)) = (1 + 4 - 1 - log 4) / 2, of three dimensions.
    x, sure = jnp.ones((1, 1)), jnp.full((1, 1), 200.0)
    value = loss(x, sure, jnp.ones((1, 3)), jnp.full((1, 3), math.log(4)), beta=2.0)
    np.testing.assert_allclose(value, [2 * 3 * (4 - math.log(4)) / 2], rtol=1e-6)


def test_a_small_divergence_is_exact():
    """1 + v - exp(v) in float32 would be off by a tenth here."""
    x, sure, v = jnp.ones((1, 1)), jnp.full((1, 1), 200.0), 1e-3
    value = loss(x, sure, jnp.zeros((1, 1)), jnp.full((1, 1), v))
    np.testing.assert_allclose(value, [(math.expm1(v) - v) / 2], rtol=1e-3)


def test_gaussian_by_hand():
    x, r = jnp.array([[1.0, 0.0]]), jnp.array([[3.0, 0.0]])
    value = loss(x, r, NOTHING[:1], NOTHING[:1], likelihood="gaussian")
    np.testing.assert_allclose(value, [4 / 2 + math.log(2 * math.pi)], rtol=1e-6)


def test_pixels_are_summed_whatever_the_shape_of_the_image():
    flat = IMAGES.reshape(2, -1)
    logits = 3 * IMAGES - 1
    np.testing.assert_allclose(loss(IMAGES, logits), loss(flat, logits.reshape(2, -1)), rtol=1e-6)


@pytest.mark.parametrize("v", [-5.0, -0.1, 0.5, 3.0, 19.0])
def test_the_gradient_of_the_variance_is_exact_in_float32(v):
    gradient = jax.grad(lambda v: kl_to_normal(jnp.zeros((1, 1)), v)[0])(jnp.full((1, 1), v))
    np.testing.assert_allclose(gradient, [[math.expm1(v) / 2]], rtol=1e-5)


def test_beyond_the_tangent_nothing_overflows():
    x = jnp.ones((1, 1))

    def value(v):
        return loss(x, x, NOTHING[:1, :1], v[None, None])[0]

    assert np.isfinite(value(jnp.float32(500.0)))
    for v in (19.9, 20.1, 500.0):
        assert float(jax.grad(value)(jnp.float32(v))) == pytest.approx(
            math.exp(min(v, 20)) / 2, rel=1e-5
        )


@pytest.mark.parametrize("beta", [-1.0, float("nan")])
def test_a_negative_beta_is_refused(beta):
    with pytest.raises(ValueError, match="beta must be at least 0"):
        loss(IMAGES, IMAGES, beta=beta)


def test_an_unknown_likelihood_is_refused():
    with pytest.raises(ValueError, match="one of .*bernoulli.*gaussian.*, got 'normal'"):
        loss(IMAGES, IMAGES, likelihood="normal")
