"""Labels as distributions over classes."""

import jax
import jax.numpy as jnp


def smoothed(labels: jax.Array, classes: int, *, smoothing: float = 0.0) -> jax.Array:
    """Return what a classifier shall say of examples of known classes.

        y_k = (1 - s) [k = label] + s / K

    Args:
      labels: int[...], from 0; below 0: none, whose row is all 0.
      classes: their number K.
      smoothing: s, what is spread evenly over all classes.

    Returns:
      float32[..., K].

    Szegedy et al. 2015, arXiv:1512.00567 (section 7).

    >>> smoothed(jnp.array([0, -1]), 2, smoothing=0.5).tolist()
    [[0.75, 0.25], [0.0, 0.0]]
    """
    marked = (labels >= 0)[..., None]
    hot = jax.nn.one_hot(labels, classes, dtype=jnp.float32)
    return jnp.where(marked, (1 - smoothing) * hot + smoothing / classes, 0.0)
