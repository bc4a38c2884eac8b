"""All rows against all columns of a matrix product, in blocks and around a ring of devices.

A loss of all pairs of a batch has B x B logits. They need not be stored: each block is added to
totals of its rows and of its columns, and is computed again for the gradient.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from einops import rearrange
from jax.sharding import PartitionSpec

HIGHEST = jax.lax.Precision.HIGHEST  # temperature divides the error of a reduced-precision product

Tree = Any
Update = Callable[[Tree, Tree, Tree, Tree], tuple[Tree, Tree]]


def over_pairs(
    update: Update,
    rows: Tree,
    columns: Tree,
    row_totals: Tree,
    column_totals: Tree,
    *,
    block: int,
) -> tuple[Tree, Tree]:
    """Fold every block of rows x columns into totals of its rows and of its columns.

        row_totals, column_totals = update(rows, columns, row_totals, column_totals)

    The arguments are trees of arrays [P, B, ...]: P parts of B rows or columns, such as views of
    the examples of a batch. `update` gets a block [b, ...] of each. Reverse mode through this
    function would store every block, so the backward pass of a loss is a separate call.

    With block = 0 a block is a whole part, one after the other; under jit its B rows may have any
    sharding. Otherwise a block has at most `block` rows and columns. In a mesh (`jax.set_mesh`)
    each device then keeps its share of the rows, and the columns with their totals pass from device
    to device until each is back where it started. Rows and columns are split over all axes of the
    mesh. If they do not divide over all, the last axes are left out, and devices along those repeat
    the same work.

    Returns:
      The totals of the rows and of the columns, in the shapes that they were given in.
    """
    trees = rows, columns, row_totals, column_totals
    if not block:
        return _sweep(update, *trees)
    mesh = jax.sharding.get_abstract_mesh()
    axes = _dividing_axes(mesh, {leaf.shape[1] for leaf in jax.tree.leaves(trees)})
    go_round = functools.partial(_go_round, update, block, axes)
    if not axes:
        return go_round(*trees)
    share = PartitionSpec(None, axes)
    return jax.shard_map(go_round, in_specs=share, out_specs=share)(*trees)


def _dividing_axes(mesh, sizes):
    """Return the most leading axes of a mesh whose devices together divide all sizes."""
    axes = mesh.axis_names
    while any(size % math.prod(mesh.shape[axis] for axis in axes) for size in sizes):
        axes = axes[:-1]
    return axes


def _sweep(update, rows, columns, row_totals, column_totals):
    """Fold all pairs (rows[i], columns[j]), one after the other."""

    def against_all_rows(row_totals, column):
        columns, column_totals = column

        def against_one(column_totals, row):
            rows, row_totals = row
            row_totals, column_totals = update(rows, columns, row_totals, column_totals)
            return column_totals, row_totals

        column_totals, row_totals = jax.lax.scan(against_one, column_totals, (rows, row_totals))
        return row_totals, column_totals

    return jax.lax.scan(against_all_rows, row_totals, (columns, column_totals))


def _go_round(update, block, axes, rows, columns, row_totals, column_totals):
    """Fold the rows of one device with its own columns, then with those of all others."""
    parts = jax.tree.leaves(rows)[0].shape[0]
    rows, columns, row_totals, column_totals = (
        jax.tree.map(functools.partial(_cut, block), tree)
        for tree in (rows, columns, row_totals, column_totals)
    )
    devices = jax.lax.axis_size(axes) if axes else 1
    neighbours = [(device, (device + 1) % devices) for device in range(devices)]

    def turn(carry, _):
        columns, row_totals, column_totals = carry
        row_totals, column_totals = _sweep(update, rows, columns, row_totals, column_totals)
        if axes:
            columns, column_totals = jax.lax.ppermute((columns, column_totals), axes, neighbours)
        return (columns, row_totals, column_totals), None

    carry = columns, row_totals, column_totals
    (_, row_totals, column_totals), _ = jax.lax.scan(turn, carry, length=devices)
    join = functools.partial(rearrange, pattern="(p n) b ... -> p (n b) ...", p=parts)
    return jax.tree.map(join, (row_totals, column_totals))


def _cut(block, x):
    """Cut [P, B, ...] to [P n, b, ...], b being the largest divisor of B up to `block`."""
    size = next(b for b in range(min(block, x.shape[1]), 0, -1) if x.shape[1] % b == 0)
    return rearrange(x, "p (n b) ... -> (p n) b ...", b=size)


def product(rows: jax.Array, columns: jax.Array) -> jax.Array:
    """Return the logits [b, c] of rows[b, D] and columns[c, D]."""
    return jnp.einsum("id,jd->ij", rows, columns, precision=HIGHEST)


def sum_over(weights: jax.Array, columns: jax.Array) -> jax.Array:
    """Return weights[b, c] @ columns[c, D]."""
    return jnp.einsum("ij,jd->id", weights, columns, precision=HIGHEST)
