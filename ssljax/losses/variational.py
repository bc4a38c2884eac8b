"""Variational losses: a bound on the likelihood of the data."""

import math

import jax
import jax.numpy as jnp

from ssljax.losses import checks
from ssljax.ops.normalize import at_least_float32

_STEEPEST = 20.0  # log variance from which on the exponential is replaced by its tangent


def vae(
    x: jax.Array,
    reconstruction: jax.Array,
    mean: jax.Array,
    log_variance: jax.Array,
    *,
    beta: float | jax.Array,
    likelihood: str,
) -> jax.Array:
    """Negative evidence lower bound of a (beta-)VAE in nats, per example.

        loss_b = sum_i -log p(x_bi | reconstruction_bi)
               + beta sum_j (mean_bj^2 + exp(v_bj) - 1 - v_bj) / 2,  with v = log_variance

    The second sum is KL(N(mean, exp v) || N(0, 1)). The first sum is over pixels, the second over
    latent dimensions; a mean over pixels would multiply beta by the number of pixels. The
    likelihood is one of

        bernoulli: -log p = -x log s(r) - (1 - x) log(1 - s(r)), of logits r and x in [0, 1]
        gaussian:  -log p = (x - r)^2 / 2 + log(2 pi) / 2, of means r and variance 1

    Args:
      x: float[B, ..., D], the images; a target, which gets no gradient.
      reconstruction: float[B, ..., D], logits or means, decoded from a sample of the posterior.
      mean: float[B, Z], mean of the posterior.
      log_variance: float[B, Z], log of the posterior's variance. Above 20 the exponential is
        replaced by its tangent at 20, so neither value nor gradient overflows.
      beta: the weight of the KL term, a number or a scalar array; 1 is the VAE, above 1 a beta-VAE.
      likelihood: "bernoulli" or "gaussian".

    Returns:
      [B], at least float32.

    Raises:
      ValueError: shapes do not fit, beta is negative, or the likelihood is unknown.
      TypeError: an array is not of a float dtype.

    VAE, https://arxiv.org/abs/1312.6114, appendix B and C; beta-VAE,
    https://openreview.net/forum?id=Sy2fzU9gl. Neither has official code. The usual reimplementation
    of the second, 1Konny/Beta-VAE, takes (x - s(r))^2 for the Gaussian: variance 1/2, without
    constant.

    >>> zero = jnp.zeros((1, 2))  # two pixels at even odds; the posterior is the prior
    >>> print(vae(zero, zero, zero, zero, beta=1.0, likelihood="bernoulli").round(3))
    [1.386]
    """
    checks.shapes(
        reconstruction=(reconstruction, "B ... D"),
        x=(x, "B ... D"),
        mean=(mean, "B Z"),
        log_variance=(log_variance, "B Z"),
    )
    checks.floats(reconstruction=reconstruction, x=x, mean=mean, log_variance=log_variance)
    checks.not_negative(beta=beta)
    if likelihood not in LIKELIHOODS:
        raise ValueError(f"likelihood must be one of {sorted(LIKELIHOODS)}, got {likelihood!r}")
    x = at_least_float32(jax.lax.stop_gradient(x))
    surprise = LIKELIHOODS[likelihood](x, at_least_float32(reconstruction))
    surprise = jnp.sum(surprise, axis=tuple(range(1, x.ndim)))
    return surprise + beta * kl_to_normal(mean, log_variance)


def kl_to_normal(mean: jax.Array, log_variance: jax.Array) -> jax.Array:
    """Divergence of a diagonal normal distribution from the standard one, in nats, per example.

        KL(N(mean, exp v) || N(0, 1)) = sum_j (mean_bj^2 + exp(v_bj) - 1 - v_bj) / 2

    In a VAE it is the information that the code holds about the image: 0 if the decoder does not
    use the code.

    Args:
      mean: float[B, Z].
      log_variance: float[B, Z], v; above 20 the exponential is replaced by its tangent at 20.

    Returns:
      [B], at least float32; 0 for the standard normal.

    Raises:
      ValueError: the shapes differ.
      TypeError: an array is not of a float dtype.

    VAE, https://arxiv.org/abs/1312.6114, appendix B.

    >>> kl_to_normal(jnp.array([[0.0, 0.0], [1.0, 2.0]]), jnp.zeros((2, 2))).tolist()
    [0.0, 2.5]
    """
    checks.shapes(mean=(mean, "B Z"), log_variance=(log_variance, "B Z"))
    checks.floats(mean=mean, log_variance=log_variance)
    mean, log_variance = at_least_float32(mean), at_least_float32(log_variance)
    within = jnp.minimum(log_variance, _STEEPEST)
    # Not v - within: its two gradients are as large as the tangent's and would cancel in float32.
    beyond = jnp.maximum(log_variance - _STEEPEST, 0)
    # expm1: where the posterior is near the prior, v is near 0 and exp(v) - 1 - v would cancel.
    excess = jnp.expm1(within) - within + (math.exp(_STEEPEST) - 1) * beyond
    return jnp.sum(jnp.square(mean) + excess, axis=1) / 2


def _bernoulli(x: jax.Array, logits: jax.Array) -> jax.Array:
    return x * jax.nn.softplus(-logits) + (1 - x) * jax.nn.softplus(logits)


def _gaussian(x: jax.Array, mean: jax.Array) -> jax.Array:
    return (jnp.square(x - mean) + math.log(2 * math.pi)) / 2


LIKELIHOODS = {"bernoulli": _bernoulli, "gaussian": _gaussian}
