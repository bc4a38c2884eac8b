"""Losses of series, sounds and videos: contrast at every time and every scale, and the forecast of
what comes next, as values or among others."""

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.losses import checks
from ssljax.losses.blockwise import HIGHEST
from ssljax.losses.reconstruction import masked_mse
from ssljax.ops.normalize import at_least_float32


def hierarchical_contrastive(
    z1: jax.Array,
    z2: jax.Array,
    *,
    instance_weight: float = 0.5,
    temporal_from: int = 0,
    where: jax.Array | None = None,
) -> jax.Array:
    """Contrast over examples and over times, at every level of a pyramid of max pools (TS2Vec).

    At level l, u and v are z1 and z2 after l max pools over pairs of times, T_l = floor(T / 2^l).
    Products are raw: the vectors are not scaled to unit length and there is no temperature.

        instance_l(b, t) = -u_bt.v_bt + log(sum_c exp u_bt.v_ct + sum_{c != b} exp u_bt.u_ct)
        temporal_l(b, t) = -u_bt.v_bt + log(sum_s exp u_bt.v_bs + sum_{s != t} exp u_bt.u_bs)
        loss_b = sum_l mean_t (w instance_l + (1 - w) temporal_l) / levels

    each the mean of the two directions (u to v and v to u). The batch is coupled: give the global
    batch. Of one time, or one example, the respective part is 0, as the official code defines it.

    Args:
      z1: float[B, T, D], the vectors of one view at T times.
      z2: float[B, T, D], those of the other view at the same times.
      instance_weight: w, from 0 to 1.
      temporal_from: the first level with a temporal part (official: temporal_unit).
      where: bool[B, T], True at the first times of an example, those in both views; None for all.
        Times beyond neither count nor are contrasted with, and levels are those that the remaining
        length has. An example without any has loss 0. So one compiled program takes overlaps of any
        length.

    Returns:
      [B], at least float32. If all vectors are equal, the mean over levels of
      w log(2B - 1) + (1 - w) log(2 T_l - 1).

    Raises:
      ValueError: shapes do not fit, the weight is not from 0 to 1, or `temporal_from` is negative.
      TypeError: the vectors are not floats, or `where` is not bool.

    TS2Vec, https://arxiv.org/abs/2106.10466; zhihanyue/ts2vec, models/losses.py.

    >>> z = jnp.ones((2, 4, 3))  # levels of 4, 2 and 1 times
    >>> print(hierarchical_contrastive(z, z).round(4))  # log 3 / 2 + log(7 * 3 * 1) / 6
    [1.0567 1.0567]
    """
    if where is None:
        where = jnp.ones(jnp.shape(z1)[:2], bool)
    checks.shapes(z1=(z1, "B T D"), z2=(z2, "B T D"), where=(where, "B T"))
    checks.floats(z1=z1, z2=z2)
    checks.booleans(where=where)
    checks.not_negative(instance_weight=instance_weight, temporal_from=temporal_from)
    checks.not_negative(**{"1 - instance_weight": 1 - instance_weight})
    z1, z2 = (jnp.where(where[..., None], at_least_float32(z), 0) for z in (z1, z2))
    total = levels = jnp.zeros(())
    for level in range(z1.shape[1].bit_length()):
        if level:
            z1, z2 = _pooled(z1, jnp.maximum), _pooled(z2, jnp.maximum)
            where = _pooled(where, jnp.logical_and)
        values = instance_weight * _contrast(*(jnp.swapaxes(x, 0, 1) for x in (z1, z2, where))).T
        if level >= temporal_from:
            values += (1 - instance_weight) * _contrast(z1, z2, where)
        count = jnp.sum(where, axis=1)
        total += jnp.sum(values, axis=1, where=where) / jnp.maximum(count, 1)
        levels += count > 0
    return total / jnp.maximum(levels, 1)


def dense_predictive(prediction: jax.Array, target: jax.Array) -> jax.Array:
    """Find the feature of every place among those of all places of all examples (DPC).

        loss_b = mean_n (-p_bn.t_bn + log sum_c sum_m exp p_bn.t_cm)

    A place is one of a predicted map at one of the predicted times. Negatives of p_bn are so the
    other places at its time (spatial), its place at other times (temporal), both at once, and all
    of other examples (easy). Products are raw: the vectors are not scaled to unit length and there
    is no temperature. The batch is coupled: give the global batch.

    Args:
      prediction: float[B, N, D], the predicted features of N places.
      target: float[B, N, D], the features, which get a gradient too.

    Returns:
      [B], at least float32; log(B N) if all products are equal.

    Raises:
      ValueError: shapes do not fit.
      TypeError: an array is not of a float dtype.

    DPC, https://arxiv.org/abs/1909.04656; TengdaHan/DPC, dpc/model_3d.py.

    >>> x = jnp.ones((2, 3, 4))
    >>> print(dense_predictive(x, x).round(3))  # log 6
    [1.792 1.792]
    """
    checks.shapes(prediction=(prediction, "B N D"), target=(target, "B N D"))
    checks.floats(prediction=prediction, target=target)
    prediction, target = at_least_float32(prediction), at_least_float32(target)
    logits = jnp.einsum("bnd,cmd->bncm", prediction, target, precision=HIGHEST)
    true = jnp.sum(prediction * target, axis=-1)
    return jnp.mean(jax.nn.logsumexp(logits, axis=(2, 3)) - true, axis=1)


def next_step(
    prediction: jax.Array, series: jax.Array, *, where: jax.Array | None = None
) -> jax.Array:
    """Mean squared error of the forecast of the next time, or next patch, from those before it.

        loss_b = mean_{n < N} mean_d (p_bnd - x_b(n+1)d)^2, with no gradient through x

    The prediction at n must have been made of x_1 ... x_n alone, for example by causal attention:
    no loss can see that. The last prediction has no target and gets no gradient.

    Args:
      prediction: float[B, N, D], the forecast made at each of N times or patches; N at least 2.
      series: float[B, N, D], the values.
      where: bool[B, N], True at values that count as targets; None for all. The first never is one.
        An example without any has loss 0; what is elsewhere, NaN included, does not count.

    Returns:
      [B], at least float32.

    Raises:
      ValueError: shapes do not fit, or N is 1.
      TypeError: an array is not of a float dtype, or `where` is not bool.

    Reference: the squared error is the likelihood of a Gaussian of fixed variance in the
    autoregressive model of a series (Box and Jenkins 1970), as cross entropy is that of GPT's
    categories.

    >>> x = jnp.array([[[1.0], [2.0], [4.0]]])
    >>> next_step(x, x).tolist()  # ((1 - 2)^2 + (2 - 4)^2) / 2: that all stays as it is
    [2.5]
    """
    if where is None:
        where = jnp.ones(jnp.shape(series)[:2], bool)
    checks.shapes(prediction=(prediction, "B N D"), series=(series, "B N D"), where=(where, "B N"))
    checks.floats(prediction=prediction, series=series)
    if jnp.shape(series)[1] < 2:
        raise ValueError(f"series must have at least 2 times, got {list(jnp.shape(series))}")
    return masked_mse(prediction[:, :-1], series[:, 1:], where=where[:, 1:])


def cpc(
    prediction: jax.Array,
    local: jax.Array,
    negatives: jax.Array,
    *,
    temperature: float | jax.Array = 1.0,
) -> jax.Array:
    """InfoNCE over the steps ahead: find what is k steps on among drawn negatives (CPC).

    With the prediction p_k(t) = W_k c_t of what stands k steps after t, k = 1 ... K, and s the dot
    product over the temperature,

        loss_b = mean_k mean_{t <= N - K} -s(p_k(t), z_(t+k))
                 + log(exp s(p_k(t), z_(t+k)) + sum_m exp s(p_k(t), n_tm))

    The negatives of a time are those of all its steps. Vectors are not scaled to unit length. All
    arguments get a gradient.

    Args:
      prediction: float[B, K, T, D], made at the first T = N - K times.
      local: float[B, N, D], z.
      negatives: float[B, T, M, D], z of other times or other examples.
      temperature: a positive number; the official code of Riviere et al. takes D, a mean over D in
        place of the sum.

    Returns:
      [B], at least float32; log(M + 1) if all are equal: 4.860 at 128 negatives.

    Raises:
      ValueError: shapes do not fit, or the temperature is not positive.
      TypeError: an array is not of a float dtype.

    CPC, https://arxiv.org/abs/1807.03748, equations 3 and 4; facebookresearch/CPC_audio,
    cpc/criterion/criterion.py (CPCUnsupersivedCriterion).

    >>> z = jnp.array([[[1.0], [2.0]]])
    >>> print(cpc(jnp.ones((1, 1, 1, 1)), z, jnp.ones((1, 1, 3, 1))).round(3))  # log(1 + 3 / e)
    [0.744]
    """
    checks.shapes(
        prediction=(prediction, "B K T D"), local=(local, "B N D"), negatives=(negatives, "B T M D")
    )
    checks.floats(prediction=prediction, local=local, negatives=negatives)
    checks.positive(temperature=temperature)
    steps, times = jnp.shape(prediction)[1:3]
    if times + steps != local.shape[1]:
        raise ValueError(
            f"prediction of {times} times and {steps} steps needs local of {times + steps} times, "
            f"got {local.shape[1]}"
        )
    prediction, local, negatives = map(at_least_float32, (prediction, local, negatives))
    prediction = prediction / temperature
    ahead = jnp.arange(times) + jnp.arange(1, steps + 1)[:, None]  # [K, T]
    true = jnp.einsum("bktd,bktd->bkt", prediction, local[:, ahead], precision=HIGHEST)
    others = jnp.einsum("bktd,btmd->bktm", prediction, negatives, precision=HIGHEST)
    norm = jnp.logaddexp(true, jax.nn.logsumexp(others, axis=3))
    return jnp.mean(norm - true, axis=(1, 2))


def _pooled(x: jax.Array, combine) -> jax.Array:
    """Combine the times of x[B, T, ...] in pairs; the last of an odd number is dropped."""
    size = x.shape[1] // 2 * 2
    return combine(x[:, 0:size:2], x[:, 1:size:2])


def _contrast(x: jax.Array, y: jax.Array, counts: jax.Array) -> jax.Array:
    """Find the pair of each of N rows among the 2N of both views, in each of G groups.

    Args:
      x: [G, N, D], one view.
      y: [G, N, D], the other.
      counts: bool[G, N], the rows that are contrasted with.

    Returns:
      [G, N], the mean over both directions; finite where a row does not count.
    """
    rows = x.shape[1]
    views = jnp.concatenate([x, y], axis=1)
    logits = jnp.einsum("gnd,gmd->gnm", views, views, precision=HIGHEST)
    itself = np.eye(2 * rows, dtype=bool)
    pair = np.roll(itself, rows, axis=1)
    # A row's own pair is always among them, so that no row is without any: log 0 has no gradient.
    allowed = ~itself & (pair | jnp.tile(counts, 2)[:, None, :])
    norm = jax.nn.logsumexp(logits, axis=2, where=allowed)
    true = jnp.diagonal(logits[:, :rows, rows:], axis1=1, axis2=2)
    return (norm[:, :rows] + norm[:, rows:]) / 2 - true
