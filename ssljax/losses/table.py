"""Losses of tables: which cells were corrupted, and what stood in them."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.losses import checks
from ssljax.losses.reconstruction import mse
from ssljax.ops.normalize import at_least_float32


def vime(
    mask_logits: jax.Array,
    reconstruction: jax.Array,
    target: jax.Array,
    *,
    mask: jax.Array,
    alpha: float = 2.0,
) -> jax.Array:
    """Estimate the mask and impute the values (VIME).

        loss_b = mean_m BCE(s_bm, mask_bm) + alpha mean_d (r_bd - x_bd)^2

    with BCE(s, 1) = log(1 + exp(-s)), BCE(s, 0) = log(1 + exp(s)), and no gradient through x. All
    values count, corrupted or not. The mask is that of cells that differ: a cell that was replaced
    by an equal value is not corrupted (see `ssljax.ops.augment.vime_corruption`).

    Args:
      mask_logits: float[B, M], a score for each of M columns to have been corrupted.
      reconstruction: float[B, D], the predicted values; D may exceed M where a column of categories
        is one-hot.
      target: float[B, D], the values before the corruption.
      mask: bool[B, M], True where a cell was corrupted.
      alpha: the weight of the reconstruction, at least 0.

    Returns:
      [B], at least float32; log 2 if the scores are 0 and the reconstruction is exact.

    Raises:
      ValueError: shapes do not fit, or alpha is negative.
      TypeError: scores or values are not floats, or the mask is not bool.

    VIME, Yoon et al. 2020 (NeurIPS 33, "Extending the success of self- and semi-supervised learning
    to tabular domain"), equations 3 to 6; jsyoon0823/VIME, vime_self.py (alpha 2).

    >>> mask, x = jnp.array([[True, False]]), jnp.ones((1, 3))
    >>> print(vime(jnp.zeros((1, 2)), x + 1, x, mask=mask).round(4))  # log 2 + 2
    [2.6931]
    """
    checks.shapes(
        mask_logits=(mask_logits, "B M"),
        reconstruction=(reconstruction, "B D"),
        target=(target, "B D"),
        mask=(mask, "B M"),
    )
    checks.floats(mask_logits=mask_logits, reconstruction=reconstruction, target=target)
    checks.booleans(mask=mask)
    checks.not_negative(alpha=alpha)
    signed = jnp.where(mask, 1, -1) * at_least_float32(mask_logits)
    return jnp.mean(jax.nn.softplus(-signed), axis=1) + alpha * mse(reconstruction, target)


def masked_columns(
    prediction: jax.Array,
    target: jax.Array,
    *,
    cardinalities: Sequence[int],
    where: jax.Array,
) -> jax.Array:
    """Mean error over the hidden columns of every row: squared, or a cross entropy of categories.

        e_bm = (p_bm0 - t_bm)^2                                  if K_m = 0, a numeric column
        e_bm = log sum_{k < K_m} exp p_bmk - p_bm[t_bm]          otherwise
        loss_b = sum_m where_bm e_bm / sum_m where_bm, with no gradient through t

    Args:
      prediction: float[B, M, D] for M columns; D is at least 1 and at least each K_m. What is
        beyond the scores of a column does not count.
      target: float[B, M], the value of a numeric column, standardised, or the number of a category,
        a whole number in [0, K_m).
      cardinalities: K_m, the number of categories of each column, 0 for a numeric one.
      where: bool[B, M], True at hidden columns. A row without any has loss 0; what is at visible
        columns, NaN included, does not count.

    Returns:
      [B], at least float32. A category out of range makes the loss NaN: clipped, it would train on
      a wrong one.

    Raises:
      ValueError: shapes do not fit, there are not M cardinalities, one exceeds D, or `where` is
        known to be False everywhere.
      TypeError: prediction or target are not floats, or `where` is not bool.

    The likelihoods of masked columns are those of tabular transformers such as Padhi et al. 2021,
    https://arxiv.org/abs/2011.01843.

    >>> scores, row = jnp.zeros((1, 2, 4)), jnp.array([[3.0, 1.0]])
    >>> hidden = jnp.array([[True, True]])
    >>> print(masked_columns(scores, row, cardinalities=(0, 4), where=hidden))  # (9 + log 4) / 2
    [5.193147]
    """
    checks.shapes(prediction=(prediction, "B M D"), target=(target, "B M"), where=(where, "B M"))
    checks.floats(prediction=prediction, target=target)
    checks.booleans(where=where)
    checks.some(where=where)
    sizes = np.asarray(cardinalities)
    if sizes.shape != (prediction.shape[1],):
        raise ValueError(
            f"cardinalities must be {prediction.shape[1]} numbers, one a column, got {len(sizes)}"
        )
    if sizes.max() > prediction.shape[2]:
        raise ValueError(
            f"prediction must have at least {sizes.max()} scores a column, as the cardinalities "
            f"say; got {list(prediction.shape)}"
        )
    target = at_least_float32(jax.lax.stop_gradient(target))
    prediction = jnp.where(where[..., None], at_least_float32(prediction), 0)
    target = jnp.where(where, target, 0)
    squared = jnp.square(prediction[:, :, 0] - jnp.where(sizes == 0, target, 0))
    errors = jnp.where(sizes == 0, squared, _cross_entropy(prediction, target, sizes))
    return jnp.sum(errors, axis=1, where=where) / jnp.maximum(jnp.sum(where, axis=1), 1)


def _cross_entropy(prediction: jax.Array, target: jax.Array, sizes: np.ndarray) -> jax.Array:
    """Return [B, M], finite where a column is numeric."""
    of_column = np.arange(prediction.shape[2]) < np.maximum(sizes, 1)[:, None]
    chosen = jnp.where(sizes > 0, target, 0)
    known = (chosen >= 0) & (chosen < np.maximum(sizes, 1)) & (chosen == jnp.floor(chosen))
    index = jnp.where(known, chosen, 0).astype(jnp.int32)[..., None]
    true = jnp.take_along_axis(prediction, index, axis=2)[..., 0]
    norm = jax.nn.logsumexp(prediction, axis=2, where=of_column)
    return jnp.where(known, norm - true, jnp.nan)
