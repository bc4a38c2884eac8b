"""Losses of speech: masked frames find their own quantised frame, or the unit that it is of."""

import jax
import jax.numpy as jnp

from ssljax.losses import checks
from ssljax.losses.reconstruction import masked_cross_entropy
from ssljax.ops.normalize import at_least_float32, l2_normalize

_LEAST = 1e-30  # of a probability under the logarithm: its gradient stays finite


def masked_contrastive(
    prediction: jax.Array,
    target: jax.Array,
    codes: jax.Array,
    negatives: jax.Array,
    *,
    temperature: float | jax.Array,
    where: jax.Array | None = None,
) -> jax.Array:
    """Tell the quantised frame of every masked frame from those of others (wav2vec 2.0).

        loss_b = mean_n -log(exp s_nn / (exp s_nn + sum_{m in M_n, q_m != q_n} exp s_nm))

    with s_nm = cos(c_n, q_m) / temperature, the predictions c and targets q of one utterance, and
    the numbers M_n of its negatives. A negative with the codes of the positive does not count.

    Args:
      prediction: float[B, N, D], c.
      target: float[B, N, D], q; the gradient goes through it, to the code vectors.
      codes: int[B, N, G], the codes that the targets are made of: equal targets have equal codes.
      negatives: int[B, N, M] in [0, N), see `ssljax.ops.other_places`. One out of range does not
        count.
      temperature: a positive number or a scalar array, which then gets a gradient.
      where: bool[B, N], the frames that count, also as negatives; None for all. An example without
        any has loss 0.

    Returns:
      [B], at least float32; log(M + 1) if all similarities are equal, and 0 if all codes are.

    Raises:
      ValueError: shapes do not fit, the temperature is not positive, or `where` is known to be
        False everywhere.
      TypeError: prediction or target are not floats, codes or negatives not integers, or `where`
        not bool.

    wav2vec 2.0, https://arxiv.org/abs/2006.11477, equation 3; facebookresearch/fairseq,
    fairseq/models/wav2vec/wav2vec2.py (compute_preds), which compares the targets themselves.

    >>> codes = jnp.array([[[0], [1], [1]]])
    >>> others = jnp.array([[[1, 2], [0, 2], [0, 1]]])
    >>> zeros = jnp.zeros((1, 3, 2))
    >>> print(masked_contrastive(zeros, zeros, codes, others, temperature=0.1).round(4))
    [0.8283]
    """
    where = jnp.ones(jnp.shape(prediction)[:2], bool) if where is None else where
    checks.shapes(
        prediction=(prediction, "B N D"),
        target=(target, "B N D"),
        codes=(codes, "B N G"),
        negatives=(negatives, "B N M"),
        where=(where, "B N"),
    )
    checks.floats(prediction=prediction, target=target)
    checks.integers(codes=codes, negatives=negatives)
    checks.booleans(where=where)
    checks.some(where=where)
    checks.positive(temperature=temperature)
    counted = where[..., None]
    query = l2_normalize(jnp.where(counted, prediction, 0))
    keys = l2_normalize(jnp.where(counted, target, 0))
    scores = jnp.einsum("bnd,bmd->bnm", query, keys, precision="highest") / temperature
    equal = jnp.all(codes[:, :, None] == codes[:, None], axis=-1)
    count = scores.shape[-1]
    use = ~equal & where[:, None] & counted
    known = (negatives >= 0) & (negatives < count)
    chosen = jnp.clip(negatives, 0, count - 1)
    known &= jnp.take_along_axis(use, chosen, axis=2)
    others = jnp.where(known, jnp.take_along_axis(scores, chosen, axis=2), -jnp.inf)
    true = jnp.diagonal(scores, axis1=1, axis2=2)
    norm = jax.nn.logsumexp(jnp.concatenate([true[..., None], others], axis=2), axis=2)
    return _mean(norm - true, where)


def code_diversity(logits: jax.Array, *, where: jax.Array | None = None) -> jax.Array:
    """How far the codes of a product quantizer are from being used equally (wav2vec 2.0).

        (G V - sum_g exp H(p_g)) / (G V),  p_g = mean_{b, n} softmax(l_bng)

    The mean is over all frames of the batch: the loss couples it. Pass the global batch.

    Args:
      logits: float[B, N, G, V], a score for each of V codes of G groups.
      where: bool[B, N], the frames that count; None for all.

    Returns:
      A scalar, at least float32, from 0, if all codes are used equally, to 1 - 1 / V, if each group
      has one.

    Raises:
      ValueError: shapes do not fit, or `where` is known to be False everywhere.
      TypeError: the logits are not floats, or `where` is not bool.

    wav2vec 2.0, https://arxiv.org/abs/2006.11477; its equation 4 has sum p log p / (G V);
    facebookresearch/fairseq, fairseq/models/wav2vec/wav2vec2.py (get_extra_losses), has this, and
    adds 1e-7 under the logarithm.

    >>> print(code_diversity(jnp.zeros((1, 3, 2, 4))).round(4))
    0.0
    """
    where = jnp.ones(jnp.shape(logits)[:2], bool) if where is None else where
    checks.shapes(logits=(logits, "B N G V"), where=(where, "B N"))
    checks.floats(logits=logits)
    checks.booleans(where=where)
    checks.some(where=where)
    logits = jnp.where(where[:, :, None, None], at_least_float32(logits), 0)
    shares = jnp.where(where[:, :, None, None], jax.nn.softmax(logits), 0)
    shares = jnp.sum(shares, axis=(0, 1)) / jnp.maximum(jnp.sum(where), 1)
    entropy = -jnp.sum(shares * jnp.log(jnp.maximum(shares, _LEAST)), axis=1)
    count = shares.size
    return (count - jnp.sum(jnp.exp(entropy))) / count


def masked_units(
    prediction: jax.Array,
    units: jax.Array,
    labels: jax.Array,
    *,
    temperature: float | jax.Array,
    where: jax.Array,
) -> jax.Array:
    """Cross entropy of the units of masked frames, by their cosine with a vector of each (HuBERT).

        loss_b = mean_{n masked} (log sum_k exp s_nk - s_n[y_n])
        s_nk = cos(p_n, e_k) / temperature

    Args:
      prediction: float[B, N, D], p.
      units: float[K, D], e.
      labels: int[B, N], the units of the frames, in [0, K) at masked ones; out of range there makes
        the loss NaN, or an error if it is known while tracing.
      temperature: a positive number or a scalar array, which then gets a gradient.
      where: bool[B, N], True at masked frames. An example without any has loss 0.

    Returns:
      [B], at least float32; log K if all similarities are equal.

    Raises:
      ValueError: shapes do not fit, the temperature is not positive, `where` is known to be False
        everywhere, or a label that counts is known to be out of range.
      TypeError: prediction or units are not floats, labels not integers or `where` not bool.

    HuBERT, https://arxiv.org/abs/2106.07447, equation 3; facebookresearch/fairseq,
    fairseq/models/hubert/hubert.py (compute_nce).

    >>> hidden, labels = jnp.array([[True, False]]), jnp.array([[2, -1]])
    >>> units = jnp.eye(3)
    >>> print(masked_units(jnp.zeros((1, 2, 3)), units, labels, temperature=0.1, where=hidden))
    [1.0986123]
    """
    checks.shapes(
        prediction=(prediction, "B N D"),
        units=(units, "K D"),
        labels=(labels, "B N"),
        where=(where, "B N"),
    )
    checks.floats(prediction=prediction, units=units)
    checks.booleans(where=where)
    checks.positive(temperature=temperature)
    prediction = l2_normalize(jnp.where(where[..., None], prediction, 0))
    scores = jnp.einsum("bnd,kd->bnk", prediction, l2_normalize(units), precision="highest")
    return masked_cross_entropy(scores / temperature, labels, where=where)


def _mean(values: jax.Array, where: jax.Array) -> jax.Array:
    total = jnp.sum(jnp.where(where, values, 0), axis=1)
    return total / jnp.maximum(jnp.sum(where, axis=1), 1)
