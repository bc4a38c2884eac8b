"""Corruption of rows of a table float32[M].

| corruption | strengths 1 to 5 |
|---|---|
| replaced cells | .1, .2, .3, .4, .5 of the columns, at least one, have the value of another row |
"""

import jax
import jax.numpy as jnp

from ssljax.ops.augment.table import drawn_from
from ssljax.ops.degrade.levels import level

REPLACED = (0.1, 0.2, 0.3, 0.4, 0.5)


def table_replaced_cells(
    key: jax.Array, row: jax.Array, strength: jax.Array | int, bank: jax.Array
) -> jax.Array:
    """Replace cells by those of random rows of the training set, in the same column.

    Args:
      key: of the row.
      row: float[M], numbers and categories alike.
      strength: from 1 to 5.
      bank: float[R, M], rows of the training set.
    """
    where_key, what_key = jax.random.split(key)
    count = jnp.maximum(1, jnp.round(level(REPLACED, strength) * len(row)))
    chosen = jax.random.permutation(where_key, len(row)) < count
    return jnp.where(chosen, drawn_from(what_key, bank), row)
