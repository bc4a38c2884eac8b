"""Log-sum-exp over the logits of all pairs, with one block in memory at a time.

Only the result is stored, one number per row or column; the gradient computes the blocks again.
Only reverse mode works (`jax.jvp` is refused).
"""

import functools
from typing import Literal

import jax
import jax.numpy as jnp

from ssljax.losses import checks
from ssljax.losses.blockwise import over_pairs, product, sum_over

Without = Literal["itself", "its image"]


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def views_logsumexp(x: jax.Array, without: Without, block: int) -> jax.Array:
    """Return log sum exp over the logits of every view with the others.

        norm(v, i) = log sum_{(w, j) allowed} exp(x(v, i) . x(w, j))

    Args:
      x: float[2, B, D], both views of every example; their products are the logits. Views have an
        axis of their own: if they were joined on the batch axis, rows would have to move between
        the devices that the batch is sharded over.
      without: which views (w, j) are left out: "itself", or "its image", which are itself and the
        other view of the same example.
      block: rows and columns of a block, see `over_pairs`; with 0 it is B x B.

    Returns:
      [2, B].
    """
    return _views_forward(x, without, block)[0]


def _views_forward(x, without, block):
    def add(rows, columns, norm, _):
        return _add(norm, masked_logits(rows, columns), axis=1), ()

    rows = {"x": x, "id": identities(x, without)}
    norm, _ = over_pairs(add, rows, rows, _nothing(x), (), block=block)
    return norm, (x, norm)


def _views_backward(without, block, saved, cotangent):
    x, norm = saved

    def add(rows, columns, gradient, _):
        logits = masked_logits(rows, columns)
        # A view takes part in its own norm, and in that of every other.
        weights = pulled(logits, rows, axis=1) + pulled(logits, columns, axis=0)
        return gradient + sum_over(weights, columns["x"]), ()

    rows = {"x": x, "id": identities(x, without), "norm": norm, "cotangent": cotangent}
    gradient, _ = over_pairs(add, rows, rows, jnp.zeros_like(x), (), block=block)
    return (gradient,)


views_logsumexp.defvjp(_views_forward, _views_backward)


def identities(x: jax.Array, without: Without) -> jax.Array:
    """Return int32[2, B]: a row and a column with equal identities are not a pair."""
    parts, batch, _ = x.shape
    images = jnp.broadcast_to(jnp.arange(batch), (parts, batch))
    return images if without == "its image" else images + batch * jnp.arange(parts)[:, None]


def masked_logits(rows: dict, columns: dict) -> jax.Array:
    """Return the logits of "x", -inf where the "id" of row and column is equal."""
    same = rows["id"][:, None] == columns["id"]
    return jnp.where(same, -jnp.inf, product(rows["x"], columns["x"]))


def pulled(logits: jax.Array, side: dict, *, axis: int) -> jax.Array:
    """Return the gradient of the log-sum-exp along `axis` with respect to the logits.

    Args:
      logits: a block.
      side: "norm", the log-sum-exp over all blocks, and its "cotangent", of the rows (axis 1) or
        columns (axis 0) of the block.
      axis: the axis of the sum.
    """
    norm, cotangent = (jnp.expand_dims(side[name], axis) for name in ("norm", "cotangent"))
    return cotangent * jnp.exp(logits - norm)


def row_logsumexp(rows: jax.Array, columns: jax.Array, block: int) -> jax.Array:
    """Return log sum exp of the products of each row [B, D] with all columns [C, D], [B].

    Raises:
      ValueError: `block`, 0 for all logits at once, is negative.
    """
    checks.not_negative(block=block)
    if block:
        return cross_logsumexp(rows, columns, False, block)[0]
    return jax.nn.logsumexp(product(rows, columns), axis=1)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def cross_logsumexp(
    rows: jax.Array, columns: jax.Array, both: bool, block: int
) -> tuple[jax.Array, jax.Array | tuple]:
    """Return log sum exp of the products of rows and columns, along each row and each column.

        norm_i = log sum_j exp(rows_i . columns_j), and along i likewise

    Args:
      rows: float[B, D].
      columns: float[C, D].
      both: whether to return the norms of the columns too.
      block: rows and columns of a block, above 0, see `over_pairs`.

    Returns:
      The norms [B] of the rows and [C] of the columns; () in place of the columns' norms without
      `both`.
    """
    return _cross_forward(rows, columns, both, block)[0]


def _cross_forward(rows, columns, both, block):
    def add(rows, columns, row_norm, column_norm):
        logits = product(rows, columns)
        return _add(row_norm, logits, axis=1), _add(column_norm, logits, axis=0) if both else ()

    rows, columns = rows[None], columns[None]
    totals = _nothing(rows), _nothing(columns) if both else ()
    norms = over_pairs(add, rows, columns, *totals, block=block)
    return jax.tree.map(lambda norm: norm[0], norms), (rows, columns, norms)


def _cross_backward(both, block, saved, cotangents):
    rows, columns, norms = saved
    row_cotangent, column_cotangent = jax.tree.map(lambda cotangent: cotangent[None], cotangents)

    def add(rows, columns, row_gradient, column_gradient):
        logits = product(rows["x"], columns["x"])
        weights = pulled(logits, rows, axis=1)
        if both:
            weights = weights + pulled(logits, columns, axis=0)
        row_gradient = row_gradient + sum_over(weights, columns["x"])
        return row_gradient, column_gradient + sum_over(weights.T, rows["x"])

    totals = jnp.zeros_like(rows), jnp.zeros_like(columns)
    rows = {"x": rows, "norm": norms[0], "cotangent": row_cotangent}
    columns = {"x": columns, "norm": norms[1], "cotangent": column_cotangent}
    gradients = over_pairs(add, rows, columns, *totals, block=block)
    return tuple(gradient[0] for gradient in gradients)


cross_logsumexp.defvjp(_cross_forward, _cross_backward)


def _nothing(x):
    """Return the log-sum-exp of an empty set of logits, for every row of x[P, B, D]."""
    return jnp.full(x.shape[:2], -jnp.inf, x.dtype)


def _add(norm, logits, *, axis):
    return jnp.logaddexp(norm, jax.nn.logsumexp(logits, axis=axis))
