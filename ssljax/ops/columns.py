"""The columns of a table as features that need no network."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp


def raw_columns(
    table: jax.Array, cardinalities: Sequence[int], mean: Sequence[float], std: Sequence[float]
) -> jax.Array:
    """Return float32[B, D]: standardised numeric columns, and category columns as one-hot vectors.

    The columns keep their order; D is the number of numeric columns plus the sum of cardinalities.
    A place outside [0, cardinality) becomes a vector of zeros.

    Args:
      table: float[B, M]: the values of numeric columns, the places of categories.
      cardinalities: number of categories of each column, 0 for a numeric one.
      mean, std: of each column; those of category columns are not read.

    Raises:
      ValueError: the lengths differ.
    """
    lengths = {len(cardinalities), len(mean), len(std)}
    if table.ndim != 2 or lengths != {table.shape[1]}:
        raise ValueError(
            f"table must be [B, M] with M cardinalities, means and deviations; got {table.shape} "
            f"and {sorted(lengths)}"
        )
    table = jnp.asarray(table, jnp.float32)
    parts = [
        jax.nn.one_hot(table[:, i].astype(jnp.int32), count)
        if count
        else (table[:, i : i + 1] - mean[i]) / std[i]
        for i, count in enumerate(cardinalities)
    ]
    return jnp.concatenate(parts, axis=1)
