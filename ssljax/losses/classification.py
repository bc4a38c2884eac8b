"""Classification losses whose targets are distributions over classes."""

import jax
import jax.numpy as jnp

from ssljax.losses import checks
from ssljax.ops.normalize import at_least_float32


def soft_cross_entropy(logits: jax.Array, targets: jax.Array, *, weights: jax.Array) -> jax.Array:
    """Cross entropy against soft targets: a weighted mean over positions (colorization).

        loss_b = mean_n w_bn (-sum_d t_bnd log softmax(s_bn)_d), with no gradient through t or w

    Args:
      logits: float[B, N, D], scores of D classes at N positions.
      targets: float[B, N, D], distributions over the classes; non-negative with sum 1 along D.
      weights: float[B, N], ones for the plain mean.

    Returns:
      [B], at least float32; log D if all logits are equal and all weights 1.

    Raises:
      ValueError: shapes do not fit.
      TypeError: an input is not of a float dtype.

    Colorful image colorization, https://arxiv.org/abs/1603.08511 (equation 2), whose sum over
    positions is a mean here; richzhang/colorization, branch caffe.

    >>> targets = jnp.array([[[0.5, 0.5], [1.0, 0.0]]])
    >>> soft_cross_entropy(jnp.zeros((1, 2, 2)), targets, weights=jnp.ones((1, 2))).tolist()
    [0.6931471824645996]
    """
    checks.shapes(logits=(logits, "B N D"), targets=(targets, "B N D"), weights=(weights, "B N"))
    checks.floats(logits=logits, targets=targets, weights=weights)
    targets, weights = jax.lax.stop_gradient((targets, weights))
    log_shares = jax.nn.log_softmax(at_least_float32(logits), axis=-1)
    at_place = -jnp.sum(at_least_float32(targets) * log_shares, axis=-1)
    return jnp.mean(at_least_float32(weights) * at_place, axis=1)
