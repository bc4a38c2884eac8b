"""Contrastive losses: find the other view of an example among all other examples."""

import jax
import jax.numpy as jnp

from ssljax.losses import checks
from ssljax.losses.logsumexp import row_logsumexp, views_logsumexp
from ssljax.ops.normalize import at_least_float32, l2_normalize


def nt_xent(
    z1: jax.Array, z2: jax.Array, *, temperature: float | jax.Array, block: int = 0
) -> jax.Array:
    """Normalised temperature-scaled cross entropy of SimCLR, per pair of views.

    With u the 2B unit vectors of both views and s = u u' / temperature,

        l(i) = -s(i, pair of i) + log sum_{k != i} exp s(i, k)
        loss_b = (l(first view of b) + l(second view of b)) / 2

    The mean over pairs is the paper's mean over 2B rows (the official code returns twice that). The
    loss couples the batch: pass the global batch. Under jit, with z1 and z2 sharded over their
    first axis, nothing else is needed. Only reverse mode works (`jax.jvp` is refused). One B x B
    block of logits is in memory at a time, or one of block x block with `block`: memory then grows
    with B instead of its square, see `ssljax.losses.blockwise.over_pairs`.

    Args:
      z1: float[B, D], the projections of the first view of every example, B at least 2.
      z2: float[B, D], those of the second view, in the same order.
      temperature: a positive number or a scalar array, which then gets a gradient.
      block: largest number of rows and columns of logits in memory at a time; 0 for B.

    Returns:
      [B], at least float32; log(2B - 1) if all embeddings are equal.

    Raises:
      ValueError: the shapes differ or are not [B, D], B is 1, the temperature is not positive, or
        block is negative.
      TypeError: the projections are not floats.

    SimCLR, https://arxiv.org/abs/2002.05709; google-research/simclr, objective.py.

    >>> z = jnp.eye(4)
    >>> print(f"{nt_xent(z, z, temperature=0.5).mean():.3f}")  # log(1 + 6 exp(-1 / 0.5))
    0.594
    """
    checks.shapes(z1=(z1, "B D"), z2=(z2, "B D"))
    checks.several(z1=z1)
    checks.floats(z1=z1, z2=z2)
    checks.positive(temperature=temperature)
    checks.not_negative(block=block)
    views = l2_normalize(jnp.stack([z1, z2]))
    # Each factor of a logit has the square root of 1 / temperature: its gradient needs no own rule.
    x = views * jax.lax.rsqrt(jnp.asarray(temperature, views.dtype))
    norm = views_logsumexp(x, "itself", block)
    return jnp.mean(norm, axis=0) - jnp.sum(x[0] * x[1], axis=1)


def info_nce(
    query: jax.Array,
    positive: jax.Array,
    negatives: jax.Array,
    *,
    temperature: float | jax.Array,
    block: int = 0,
) -> jax.Array:
    """InfoNCE of MoCo: find the positive of a query among shared negatives.

    With q, k+ and k- scaled to unit length,

        loss_b = -q_b.k+_b / t + log(exp(q_b.k+_b / t) + sum_k exp(q_b.k-_k / t))

    Positives and negatives are targets: no gradient goes through them. With `block`, the B x K
    logits are never in memory together, see `ssljax.losses.blockwise.over_pairs`.

    Args:
      query: float[B, D], the student's projections.
      positive: float[B, D], the teacher's projections of the other view.
      negatives: float[K, D], for example the rows of a queue.
      temperature: a positive number or a scalar array, which then gets a gradient.
      block: largest number of rows and columns of logits in memory at a time; 0 for all.

    Returns:
      [B], at least float32; log(K + 1) if all similarities are equal.

    Raises:
      ValueError: shapes do not fit, the temperature is not positive, or block is negative.
      TypeError: an array is not of a float dtype.

    MoCo, https://arxiv.org/abs/1911.05722; facebookresearch/moco, moco/builder.py.

    >>> e = jnp.eye(3)
    >>> print(info_nce(e[:1], e[:1], e[1:], temperature=1.0).round(3))  # log(1 + 2 / exp(1))
    [0.551]
    """
    checks.shapes(query=(query, "B D"), positive=(positive, "B D"), negatives=(negatives, "K D"))
    checks.floats(query=query, positive=positive, negatives=negatives)
    checks.positive(temperature=temperature)
    query = l2_normalize(query) / temperature
    positive, negatives = jax.lax.stop_gradient((l2_normalize(positive), l2_normalize(negatives)))
    true = jnp.sum(query * positive, axis=1)
    return jnp.logaddexp(true, row_logsumexp(query, negatives, block)) - true


def batch_info_nce(
    query: jax.Array,
    keys: jax.Array,
    *,
    temperature: float | jax.Array,
    block: int = 0,
    normalize: bool = True,
) -> jax.Array:
    """InfoNCE within a batch: find the key of a query among the keys of all examples.

    With q and k scaled to unit length,

        loss_b = -q_b.k_b / t + log sum_c exp(q_b.k_c / t)

    Without `normalize` q and k are as they are given: the products are those of a bilinear form
    x W y where the queries are x W (COLA, CURL). MoCo v3 takes 2 t times its sum over both
    directions, with the keys of a teacher; NNCLR takes the mean over both, with nearest neighbours
    from a queue as its queries. Both arguments get a gradient: apply `stop_gradient` to a target
    first. Pass the global batch. With `block`, the B x B logits are never in memory together, see
    `ssljax.losses.blockwise.over_pairs`.

    Args:
      query: float[B, D], B at least 2.
      keys: float[B, D], in the same order.
      temperature: a positive number or a scalar array, which then gets a gradient.
      block: largest number of rows and columns of logits in memory at a time; 0 for B.
      normalize: whether vectors are scaled to unit length.

    Returns:
      [B], at least float32; log(B) if all similarities are equal.

    Raises:
      ValueError: the shapes differ or are not [B, D], B is 1, the temperature is not positive, or
        block is negative.
      TypeError: an array is not of a float dtype.

    MoCo v3, https://arxiv.org/abs/2104.02057; facebookresearch/moco-v3, moco/builder.py (ctr_loss).
    NNCLR, https://arxiv.org/abs/2104.14548. COLA, https://arxiv.org/abs/2010.10915;
    google-research/google-research, cola/network.py (BilinearProduct).

    >>> print(batch_info_nce(jnp.eye(3), jnp.eye(3), temperature=1.0).round(3))  # log(1 + 2 / e)
    [0.551 0.551 0.551]
    """
    checks.shapes(query=(query, "B D"), keys=(keys, "B D"))
    checks.several(query=query)
    checks.floats(query=query, keys=keys)
    checks.positive(temperature=temperature)
    scaled = l2_normalize if normalize else at_least_float32
    query, keys = scaled(query) / temperature, scaled(keys)
    return row_logsumexp(query, keys, block) - jnp.sum(query * keys, axis=1)
