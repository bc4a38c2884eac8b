"""TimeMAE's loss: the momentum encoder's vectors, and the codewords, of the hidden patches."""

import jax
import jax.numpy as jnp

from ssljax.losses import checks
from ssljax.losses.reconstruction import masked_cross_entropy, masked_mse
from ssljax.ops.normalize import at_least_float32


def time_mae(
    prediction: jax.Array,
    target: jax.Array,
    logits: jax.Array,
    labels: jax.Array,
    *,
    alignment_weight: float = 1.0,
    codeword_weight: float = 1.0,
    smoothing: float = 0.0,
    where: jax.Array,
) -> jax.Array:
    """Alignment with the momentum encoder and classification of codewords, over hidden patches.

        align_b = mean_{n hidden} mean_d (p_bnd - t_bnd)^2, with no gradient through t
        code_b = mean_{n hidden} (log sum_v exp l_bnv - (1 - e) l_bn[y_bn] - e mean_v l_bnv)
        loss_b = alignment_weight align_b + codeword_weight code_b

    Args:
      prediction: float[B, N, D], what is predicted at N patches from the visible ones.
      target: float[B, N, D], what the momentum encoder makes of the hidden patches.
      logits: float[B, N, V], a score for each of V codewords.
      labels: int[B, N], the codewords of the patches, in [0, V) at hidden ones.
      alignment_weight: at least 0 (official alpha, 5 in its code).
      codeword_weight: at least 0 (official beta, 1 in its code).
      smoothing: e, the share of the target that is spread evenly over the codewords, from 0 up to
        but not 1. The official code has 0.2, the paper none.
      where: bool[B, N], True at hidden patches. An example without any has loss 0.

    Returns:
      [B], at least float32; codeword_weight log V if all scores are equal and the alignment exact.

    Raises:
      ValueError: shapes do not fit, a weight is negative, smoothing is out of range, `where` is
        known to be False everywhere, or a label that counts is known to be out of range.
      TypeError: predictions, targets or logits are not floats, labels not integers or `where` not
        bool.

    TimeMAE, https://arxiv.org/abs/2303.00320; Mingyue-Cheng/TimeMAE, loss.py and process.py.

    >>> x, hidden = jnp.zeros((1, 2, 3)), jnp.array([[True, False]])
    >>> labels = jnp.zeros((1, 2), int)
    >>> print(time_mae(x, x + 2, jnp.zeros((1, 2, 4)), labels, where=hidden).round(4))  # 4 + log 4
    [5.3863]
    """
    checks.shapes(
        prediction=(prediction, "B N D"),
        target=(target, "B N D"),
        logits=(logits, "B N V"),
        labels=(labels, "B N"),
        where=(where, "B N"),
    )
    checks.floats(prediction=prediction, target=target, logits=logits)
    checks.not_negative(
        alignment_weight=alignment_weight, codeword_weight=codeword_weight, smoothing=smoothing
    )
    if smoothing >= 1:
        raise ValueError(f"smoothing must be below 1, got {smoothing}")
    align = masked_mse(prediction, target, where=where)
    code = masked_cross_entropy(logits, labels, where=where)
    if smoothing:
        code = (1 - smoothing) * code + smoothing * _to_all(logits, where)
    return alignment_weight * align + codeword_weight * code


def _to_all(logits: jax.Array, where: jax.Array) -> jax.Array:
    """Return the mean over hidden patches of the cross entropy to equal shares, [B]."""
    logits = jnp.where(where[..., None], at_least_float32(logits), 0)
    values = jax.nn.logsumexp(logits, axis=2) - jnp.mean(logits, axis=2)
    return jnp.sum(values, axis=1, where=where) / jnp.maximum(jnp.sum(where, axis=1), 1)
