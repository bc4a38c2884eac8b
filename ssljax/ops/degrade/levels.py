"""What a strength means: the entry of a table."""

import jax
import jax.numpy as jnp


def level(table: tuple[float, ...], strength: jax.Array | int) -> jax.Array:
    """Return the entry of a strength, from 1; it may be traced, so one program serves all.

    >>> float(level((0.5, 0.25), 2))
    0.25
    """
    return jnp.asarray(table)[jnp.asarray(strength) - 1]
