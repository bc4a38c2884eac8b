"""Losses of classifiers, whose targets are distributions over classes, classes, or labels that are
there or not."""

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


def label_cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Cross entropy of every example over those of its positions that have a class (segmentation).

        loss_b = sum_n m_bn (-log softmax(s_bn)_{y_bn}) / sum_n m_bn,  m_bn = [y_bn >= 0]

    An example without any such position has loss 0. Logits at the others change neither the loss
    nor the gradient.

    Args:
      logits: float[B, N, D], scores of D classes at N positions.
      labels: int[B, N], below D; below 0: none.

    Returns:
      [B], at least float32.

    Raises:
      ValueError: shapes do not fit.
      TypeError: the logits are not of a float dtype, or the labels not of an integer dtype.

    Fully convolutional networks for semantic segmentation, https://arxiv.org/abs/1411.4038 (section
    3.4); open-mmlab/mmsegmentation, mmseg/models/losses/cross_entropy_loss.py (avg_non_ignore).

    >>> label_cross_entropy(jnp.zeros((1, 3, 2)), jnp.array([[0, 1, -1]])).tolist()
    [0.6931471824645996]
    """
    checks.shapes(logits=(logits, "B N D"), labels=(labels, "B N"))
    checks.floats(logits=logits)
    checks.integers(labels=labels)
    marked = labels >= 0
    logits = jnp.where(marked[..., None], at_least_float32(logits), 0.0)
    log_shares = jax.nn.log_softmax(logits, axis=-1)
    chosen = jnp.take_along_axis(log_shares, jnp.maximum(labels, 0)[..., None], axis=-1)[..., 0]
    counts = jnp.maximum(jnp.sum(marked, axis=1), 1)
    return -jnp.sum(jnp.where(marked, chosen, 0.0), axis=1) / counts


def binary_cross_entropy(logits: jax.Array, targets: jax.Array) -> jax.Array:
    """Cross entropy of every example over labels that are there or not (several labels at once).

        loss_b = mean_d (log(1 + exp(s_bd)) - t_bd s_bd), with no gradient through t

    Args:
      logits: float[B, D], of which the sigmoid is the probability of a label.
      targets: float[B, D], in [0, 1].

    Returns:
      [B], at least float32; log 2 if all logits are 0.

    Raises:
      ValueError: shapes differ.
      TypeError: an input is not of a float dtype.

    PyTorch's BCEWithLogitsLoss; for many labels with the mean over them as in Ridnik et al. 2020,
    https://arxiv.org/abs/2009.14119 (equation 2 without its focusing, and a mean for the sum).

    >>> binary_cross_entropy(jnp.zeros((1, 2)), jnp.array([[1.0, 0.0]])).tolist()
    [0.6931471824645996]
    """
    checks.shapes(logits=(logits, "B D"), targets=(targets, "B D"))
    checks.floats(logits=logits, targets=targets)
    logits = at_least_float32(logits)
    targets = at_least_float32(jax.lax.stop_gradient(targets))
    return jnp.mean(jax.nn.softplus(logits) - targets * logits, axis=-1)
