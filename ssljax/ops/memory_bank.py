"""A memory bank: one row for every example of the training set, written by example id."""

import jax
import jax.numpy as jnp


def write_rows(
    bank: jax.Array, ids: jax.Array, rows: jax.Array, *, where: jax.Array | None = None
) -> jax.Array:
    """Return the bank with row ids[i] replaced by rows[i].

    An id can occur twice in a batch that spans two epochs: the later row is kept. (A plain scatter
    on a GPU would keep one or the other, differently from run to run.)

    Args:
      bank: [N, D].
      ids: int32[B], in [0, N).
      rows: [B, D]; they get no gradient.
      where: bool[B], the rows to write; None for all.

    Returns:
      [N, D], of the bank's dtype.

    Raises:
      ValueError: the shapes do not fit.

    >>> rows = jnp.array([[1.0], [2.0], [3.0]])
    >>> write_rows(jnp.zeros((3, 1)), jnp.array([2, 0, 2]), rows).ravel().tolist()
    [2.0, 0.0, 3.0]
    """
    if rows.shape != (len(ids), *bank.shape[1:]):
        raise ValueError(
            f"rows must have shape {[len(ids), *bank.shape[1:]]}, got {list(rows.shape)}"
        )
    keep = jnp.ones(len(ids), bool) if where is None else where
    order = jnp.arange(len(ids))
    later = (ids[:, None] == ids[None, :]) & (order[None, :] > order[:, None]) & keep[None, :]
    keep = keep & ~later.any(axis=1)
    target = jnp.where(keep, ids, len(bank))  # out of range: dropped
    return bank.at[target].set(jax.lax.stop_gradient(rows).astype(bank.dtype), mode="drop")
