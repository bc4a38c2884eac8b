"""Regression losses: come near a target."""

import jax
import jax.numpy as jnp

from ssljax.losses import checks
from ssljax.ops.normalize import at_least_float32


def mse(prediction: jax.Array, target: jax.Array) -> jax.Array:
    """Mean squared error of every example, over all of its values.

        loss_b = mean_i (p_bi - t_bi)^2, with no gradient through t

    Of images it is the loss of an autoencoder. Of an encoder's vectors and the codes that they were
    given it is VQ-VAE's commitment loss, |z - sg(e)|^2 (there as in the official code the mean, not
    the sum, over the components).

    Args:
      prediction: float[B, ..., D].
      target: float[B, ..., D].

    Returns:
      [B], at least float32.

    Raises:
      ValueError: the shapes differ.
      TypeError: an array is not of a float dtype.

    Autoencoders, https://arxiv.org/abs/1206.5538 (section 7); VQ-VAE,
    https://arxiv.org/abs/1711.00937; google-deepmind/sonnet, src/nets/vqvae.py (e_latent_loss).

    >>> mse(jnp.zeros((2, 4)), jnp.array([[0.0, 0.0, 0.0, 2.0], [1.0, 1.0, 1.0, 1.0]])).tolist()
    [1.0, 1.0]
    """
    checks.shapes(prediction=(prediction, "B ... D"), target=(target, "B ... D"))
    checks.floats(prediction=prediction, target=target)
    error = at_least_float32(prediction) - at_least_float32(jax.lax.stop_gradient(target))
    return jnp.mean(jnp.square(error), axis=tuple(range(1, error.ndim)))
