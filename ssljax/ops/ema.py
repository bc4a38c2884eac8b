"""Exponential moving averages of parameters."""

from typing import Any

import jax
import jax.numpy as jnp

from ssljax.ops.normalize import at_least_float32

PyTree = Any


def ema(average: PyTree, new: PyTree, momentum: float | jax.Array) -> PyTree:
    """Move an average towards new values: momentum * average + (1 - momentum) * new.

    The average is float32, because at momentum 0.9999 a step is lost in the rounding of bfloat16.
    Values that are already equal stay exactly equal. No gradient goes through the new values.

    Args:
      average: a tree of arrays.
      new: a tree of the same structure and shapes, for example the student's parameters after the
        optimizer's update.
      momentum: between 0 (copy `new`) and 1 (no change); a number or a scalar array.

    Returns:
      A tree like `average`, at least float32.

    Raises:
      ValueError: structures or shapes differ, or the momentum is not between 0 and 1.

    >>> ema({"w": jnp.array([1.0])}, {"w": jnp.array([3.0])}, 0.75)
    {'w': Array([1.5], dtype=float32)}
    """
    if isinstance(momentum, int | float) and not 0 <= momentum <= 1:
        raise ValueError(f"momentum must be between 0 and 1, got {momentum}")

    def move(path: Any, a: jax.Array, n: jax.Array) -> jax.Array:
        if jnp.shape(a) != jnp.shape(n):
            raise ValueError(
                f"new{jax.tree_util.keystr(path)} must have the average's shape "
                f"{list(jnp.shape(a))}, got {list(jnp.shape(n))}"
            )
        a, n = at_least_float32(a), at_least_float32(jax.lax.stop_gradient(n))
        return a + (1 - jnp.asarray(momentum, a.dtype)) * (n - a)

    return jax.tree_util.tree_map_with_path(move, average, new)
