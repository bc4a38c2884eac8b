"""Random keys, derived from seed, stream, step and example; never stored."""

import operator
import zlib

import jax
import jax.numpy as jnp
import numpy as np


def key_for(seed: int, stream: str, step: int | jax.Array) -> jax.Array:
    """Return the random key of one stream at one step.

    Equal arguments give an equal key on every host and after every restart, so no key has to be in
    a checkpoint. Different streams are independent: a new stream does not change the others.

    Args:
      seed: the seed of the run, 0 <= seed < 2**32.
      stream: purpose of the numbers, for example "loss" or "init".
      step: the number of the step, an int or a traced int32 scalar.

    Returns:
      A typed key, as from `jax.random.key`.

    Raises:
      ValueError: the seed is out of range.

    >>> a, b = key_for(0, "loss", 7), key_for(0, "loss", jnp.int32(7))
    >>> bool(a == b), bool(a == key_for(0, "init", 7)), bool(a == key_for(0, "loss", 8))
    (True, False, False)
    """
    seed = operator.index(seed)
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must be at least 0 and below 2**32, got {seed}")
    # crc32, because Python's hash() of a string differs between processes.
    name = np.uint32(zlib.crc32(stream.encode()))
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(np.uint32(seed)), name), step)


def per_example(key: jax.Array, rows: int | jax.Array) -> jax.Array:
    """Return one key per example, derived from the row of the example in the global batch.

    So the random numbers of an example depend neither on the number of devices nor on the batch
    size.

    Args:
      key: one typed key.
      rows: int[B], or the batch size B for the rows 0 ... B-1.

    Returns:
      Keys of shape [B].

    Raises:
      ValueError: the rows are not of rank 1.

    >>> key = jax.random.key(0)
    >>> bool((per_example(key, 8)[:4] == per_example(key, jnp.arange(4))).all())
    True
    """
    rows = jnp.arange(rows) if isinstance(rows, int) else jnp.asarray(rows)
    if rows.ndim != 1:
        raise ValueError(f"rows must have shape [B], got {list(rows.shape)}")
    return jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, rows)


def split_keys(key: jax.Array, count: int) -> list[jax.Array]:
    """Return `count` keys."""
    return [jax.random.fold_in(key, number) for number in range(count)]
