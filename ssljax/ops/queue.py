"""A first-in, first-out queue of vectors with a fixed number of rows, as in MoCo."""

import jax
import jax.numpy as jnp

from ssljax.ops.normalize import at_least_float32, l2_normalize

Queue = dict[str, jax.Array]  # {"rows": f32[K, D], "cursor": int32[]}


def init_queue(key: jax.Array, *, rows: int, dim: int) -> Queue:
    """Return a queue filled with random unit vectors, as in MoCo.

    Args:
      key: the random key.
      rows: the capacity K.
      dim: the length D of a row.

    Returns:
      {"rows": float32[K, D], "cursor": int32 scalar, the row that is overwritten next}.

    Raises:
      ValueError: rows or dim is not positive.
    """
    for name, value in (("rows", rows), ("dim", dim)):
        if value <= 0:
            raise ValueError(f"{name} must be positive, got {value}")
    vectors = l2_normalize(jax.random.normal(key, (rows, dim), jnp.float32))
    return {"rows": vectors, "cursor": jnp.zeros((), jnp.int32)}


def enqueue(queue: Queue, rows: jax.Array) -> Queue:
    """Overwrite the oldest rows of a queue with new ones.

    The capacity must be a multiple of the batch, so a batch never wraps around the end and one
    contiguous update is enough. Enqueue after the loss has used the queue, otherwise the positives
    are among the negatives. The rows get no gradient.

    Args:
      queue: {"rows": f32[K, D], "cursor": int32[]}; the cursor is a multiple of B.
      rows: [B, D], the global batch in order.

    Returns:
      The new queue.

    Raises:
      ValueError: the shapes do not fit, or K is not a multiple of B.

    MoCo, https://arxiv.org/abs/1911.05722; facebookresearch/moco, moco/builder.py.

    >>> queue = {"rows": jnp.zeros((4, 1)), "cursor": jnp.int32(2)}
    >>> queue = enqueue(queue, jnp.array([[1.0], [2.0]]))
    >>> queue["rows"].ravel().tolist(), int(queue["cursor"])
    ([0.0, 0.0, 1.0, 2.0], 0)
    """
    capacity, dim = queue["rows"].shape
    if rows.ndim != 2 or rows.shape[1] != dim:
        raise ValueError(f"rows must have shape [B, {dim}], got {list(rows.shape)}")
    if rows.shape[0] == 0 or capacity % rows.shape[0]:
        raise ValueError(
            f"the queue's capacity {capacity} must be a multiple of the batch size {rows.shape[0]}"
        )
    rows = at_least_float32(jax.lax.stop_gradient(rows)).astype(queue["rows"].dtype)
    start = (queue["cursor"], jnp.zeros((), queue["cursor"].dtype))
    return {
        "rows": jax.lax.dynamic_update_slice(queue["rows"], rows, start),
        "cursor": (queue["cursor"] + rows.shape[0]) % capacity,
    }
