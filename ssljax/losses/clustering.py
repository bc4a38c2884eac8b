"""Clustering losses: predict the cluster that an example was assigned to."""

import jax
import jax.numpy as jnp

from ssljax.losses import checks
from ssljax.ops.normalize import at_least_float32


def prototype_cross_entropy(
    scores: jax.Array,
    assignments: jax.Array,
    *,
    temperature: float | jax.Array,
    where: jax.Array | None = None,
) -> jax.Array:
    """Cross entropy of the similarity to prototypes against cluster ids (DeepCluster-v2).

        loss_b = -s_b[a_b] / t + log sum_k exp(s_b[k] / t)

    Ids outside 0 ... K-1 in the rows of `where` give NaN: wrapped or clipped, they would train on a
    wrong cluster. All other rows, such as examples that were not yet clustered, have loss 0. The
    official code takes the mean over the rows of `where`, `jnp.mean(loss, where=where)`.

    Args:
      scores: float[B, K], the similarity of every embedding to every prototype; cosines, if both
        are unit vectors.
      assignments: int[B], the cluster ids.
      temperature: a positive number or a scalar array, which then gets a gradient.
      where: bool[B], True at rows that have a loss; None for all.

    Returns:
      [B], at least float32; log K if all scores are equal.

    Raises:
      ValueError: shapes do not fit, or the temperature is not positive.
      TypeError: scores are not floats, assignments not integers or `where` not bool.

    DeepCluster-v2, https://arxiv.org/abs/2006.09882 (appendix); facebookresearch/swav,
    main_deepclusterv2.py, whose id for "not yet clustered" is -100.

    >>> ids = jnp.array([1, -1])
    >>> prototype_cross_entropy(jnp.zeros((2, 4)), ids, temperature=0.1, where=ids >= 0).tolist()
    [1.3862943649291992, 0.0]
    """
    checks.shapes(scores=(scores, "B K"), assignments=(assignments, "B"))
    checks.floats(scores=scores)
    checks.integers(assignments=assignments)
    checks.positive(temperature=temperature)
    if where is None:
        where = jnp.ones(assignments.shape, bool)
    checks.shapes(scores=(scores, "B K"), where=(where, "B"))
    checks.booleans(where=where)

    # Cleared before the loss, not only after it: a NaN in a masked row would reach the gradient.
    logits = jnp.where(where[:, None], at_least_float32(scores), 0) / temperature
    known = (assignments >= 0) & (assignments < scores.shape[1])
    chosen = jnp.where(known, assignments, 0)[:, None]
    true = jnp.take_along_axis(logits, chosen, axis=1)[:, 0]
    loss = jax.nn.logsumexp(logits, axis=1) - true
    return jnp.where(where, jnp.where(known, loss, jnp.nan), 0)


def swapped_prediction(
    scores: jax.Array, assignments: jax.Array, *, temperature: float | jax.Array
) -> jax.Array:
    """Cross entropy of one view's scores against the assignment of another view (SwAV).

        loss_b = -sum_k q_b[k] log softmax(s_b / t)[k]

    Assignments are targets: no gradient goes through them.

    Args:
      scores: float[B, K], the similarity of this view to every prototype.
      assignments: float[B, K], distributions over prototypes for another view of the same image,
        from `ssljax.ops.sinkhorn`.
      temperature: a positive number or a scalar array, which then gets a gradient; 0.1 in the
        paper.

    Returns:
      [B], at least float32; log K if all scores are equal.

    Raises:
      ValueError: the shapes differ or are not [B, K], or the temperature is not positive.
      TypeError: an array is not of a float dtype.

    SwAV, https://arxiv.org/abs/2006.09882; facebookresearch/swav, main_swav.py.

    >>> assignments = jnp.array([[0.5, 0.5, 0.0]])
    >>> loss = swapped_prediction(jnp.zeros((1, 3)), assignments, temperature=0.1)
    >>> print(f"{loss[0]:.4f}")  # log 3
    1.0986
    """
    checks.shapes(scores=(scores, "B K"), assignments=(assignments, "B K"))
    checks.floats(scores=scores, assignments=assignments)
    checks.positive(temperature=temperature)
    assignments = at_least_float32(jax.lax.stop_gradient(assignments))
    logits = jax.nn.log_softmax(at_least_float32(scores) / temperature, axis=1)
    return -jnp.sum(assignments * logits, axis=1)
