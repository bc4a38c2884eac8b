"""All views of a batch against all: log-sum-exp of the logits, one block of them at a time."""

import functools
from typing import Literal

import jax
import jax.numpy as jnp

HIGHEST = jax.lax.Precision.HIGHEST  # temperature divides the error of a reduced-precision product

Without = Literal["itself", "its image"]


# The 2B x 2B logits are four blocks of B x B, view against view. A loop takes one after the other,
# only the log-sum-exp of the rows is kept, and the gradient computes the blocks again: so one block
# at a time is in memory. The views are stacked on an axis of their own: joined on the batch axis,
# rows would have to move between the devices that the batch is sharded over.


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def row_logsumexp(x: jax.Array, without: Without) -> jax.Array:
    """Return log sum exp over the logits of every view with the others.

        norm(r, i) = log sum_{(c, j) allowed} exp(x(r, i) . x(c, j))

    Args:
      x: float[2, B, D], both views of every example; their products are the logits.
      without: which views (c, j) are left out: "itself", or "its image", which are itself and the
        other view of the same example.

    Returns:
      [2, B]. The gradient is that of reverse mode.
    """
    return _forward(x, without)[0]


def _forward(x, without):
    norms = each_block(lambda r, c: jax.nn.logsumexp(logits_of(x, r, c, without), axis=1))
    norm = jax.nn.logsumexp(norms, axis=1)
    return norm, (x, norm)


def _backward(without, saved, cotangent):
    x, norm = saved

    def gradient(r, c):
        return sum_over(pushed(logits_of(x, r, c, without), norm, cotangent, r, c), x[c])

    return (jnp.sum(each_block(gradient), axis=1),)


row_logsumexp.defvjp(_forward, _backward)


def each_block(function):
    """Stack function(row view, column view) to [2, 2, ...], one block at a time."""
    views = jnp.arange(2)
    return jax.lax.map(lambda r: jax.lax.map(lambda c: function(r, c), views), views)


def logits_of(x, r, c, without):
    """Return a block [B, B] of logits, those left out as -inf."""
    logits = jnp.einsum("id,jd->ij", x[r], x[c], precision=HIGHEST)
    left_out = jnp.eye(x.shape[1], dtype=bool)
    if without == "itself":
        left_out &= r == c
    return jnp.where(left_out, -jnp.inf, logits)


def pushed(logits, norm, cotangent, r, c):
    """Return the gradient of norm with respect to a block of logits, and of its transpose."""
    # x[r, i] takes part in the norm of its own row, and in that of every row x[c, j].
    own = cotangent[r][:, None] * jnp.exp(logits - norm[r][:, None])
    others = cotangent[c] * jnp.exp(logits - norm[c])
    return own + others


def sum_over(weights, columns):
    """Return weights[B, B] @ columns[B, D]."""
    return jnp.einsum("ij,jd->id", weights, columns, precision=HIGHEST)
