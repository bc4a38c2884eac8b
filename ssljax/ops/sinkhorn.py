"""Sinkhorn-Knopp: spread the examples of a batch evenly over prototypes."""

import jax
import jax.numpy as jnp

from ssljax.ops.normalize import at_least_float32


def sinkhorn(
    scores: jax.Array, *, epsilon: float, iterations: int, where: jax.Array | None = None
) -> jax.Array:
    """Assign every row a distribution over columns such that all columns get about equal shares.

    From Q = exp(scores / epsilon), an iteration scales each column to the sum 1 / K and then each
    row to 1 / B (Sinkhorn-Knopp); the result is B times the last Q. The scales are computed as
    logarithms, in float32 or wider, so no exponential overflows and none that a later iteration
    needs vanishes. The sums are over the global batch: under jit, with sharded rows, nothing else
    is needed. No gradient goes through the result.

    Args:
      scores: float[B, K], the similarity of every example to every prototype.
      epsilon: softness; towards 0 every row goes to a single column.
      iterations: 3 in SwAV and DINOv2; with more iterations the columns come closer to B / K.
      where: bool[B], the rows that are assigned; None for all. The others get zeros.

    Returns:
      [B, K], at least float32; the rows sum to 1, the columns to about B / K.

    Raises:
      ValueError: shapes do not fit or are empty, epsilon is not positive or iterations below 1.
      TypeError: the scores are not floats or `where` is not bool.

    Cuturi, https://arxiv.org/abs/1306.0895; SwAV, https://arxiv.org/abs/2006.09882;
    facebookresearch/swav, main_swav.py, distributed_sinkhorn.

    >>> scores = jnp.array([[0.9, 0.1], [0.9, 0.3]])  # both would like the first column
    >>> sinkhorn(scores, epsilon=0.05, iterations=3).round(2).tolist()
    [[0.9199999570846558, 0.07999999821186066], [0.17000000178813934, 0.8299999833106995]]
    """
    if scores.ndim != 2 or 0 in scores.shape:
        raise ValueError(f"scores must have shape [B, K], not empty; got {list(scores.shape)}")
    if not jnp.issubdtype(scores.dtype, jnp.floating):
        raise TypeError(f"scores must be of a float dtype, got {scores.dtype}")
    if isinstance(epsilon, int | float) and not epsilon > 0:
        raise ValueError(f"epsilon must be positive, got {epsilon}")
    if iterations < 1:
        raise ValueError(f"iterations must be at least 1, got {iterations}")
    where = jnp.ones(scores.shape[:1], bool) if where is None else where
    if where.shape != scores.shape[:1]:
        raise ValueError(
            f"where must have shape [B] with B = {scores.shape[0]}, got {list(where.shape)}"
        )
    if where.dtype != bool:
        raise TypeError(f"where must be of the bool dtype, got {where.dtype}")

    valid = where[:, None]
    scores = at_least_float32(jax.lax.stop_gradient(scores))
    # A common shift does not change the result; the shift and the bound keep the quotient in range.
    shifted = (scores - jnp.max(scores, where=valid, initial=-jnp.inf)) / epsilon
    logits = jnp.where(valid, jnp.maximum(shifted, -1e37), -jnp.inf)

    present = jnp.where(valid, logits, 0)  # avoids a softmax of -inf only

    def columns_of(rows):
        return jax.nn.logsumexp(logits - rows, axis=0, keepdims=True)

    def rows_of(_, rows):
        return jax.nn.logsumexp(present - columns_of(rows), axis=1, keepdims=True)

    rows = jax.lax.fori_loop(0, iterations - 1, rows_of, jnp.zeros_like(logits[:, :1]))
    # The last scaling of the rows is a softmax, so rows sum to 1 whatever the rounding before.
    return jnp.where(valid, jax.nn.softmax(present - columns_of(rows), axis=1), 0)
