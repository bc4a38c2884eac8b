"""Corruption of inputs, for objectives that learn to undo it."""

import jax
import jax.numpy as jnp


def masking_noise(keys: jax.Array, x: jax.Array, *, level: float) -> jax.Array:
    """Set a random part of every example's values to 0.

    Each value is set to 0 independently, with probability `level`; the paper fixes the number per
    example.

    Args:
      keys: typed keys of shape [B], one per example.
      x: float[B, ...].
      level: the expected share of values that are set to 0, at least 0 and below 1.

    Returns:
      An array like x.

    Raises:
      ValueError: shapes do not fit, or the level is out of range.

    Denoising autoencoders, Vincent et al. 2008, section 2.3.

    >>> masking_noise(jax.random.split(jax.random.key(0), 2), jnp.ones((2, 4)), level=0.0).sum()
    Array(8., dtype=float32)
    """
    _check(keys, x)
    if not 0 <= level < 1:
        raise ValueError(f"level must be at least 0 and below 1, got {level}")
    keep = jax.vmap(lambda key: jax.random.bernoulli(key, 1 - level, x.shape[1:]))(keys)
    return jnp.where(keep, x, jnp.zeros((), x.dtype))


def gaussian_noise(keys: jax.Array, x: jax.Array, *, level: float) -> jax.Array:
    """Add Gaussian noise of standard deviation `level` to every value.

    Arguments, result and errors are those of `masking_noise`, except that the level may be above 1.

    >>> noisy = gaussian_noise(jax.random.split(jax.random.key(0), 2), jnp.ones((2, 4)), level=0.1)
    >>> noisy.shape
    (2, 4)
    """
    _check(keys, x)
    if not level >= 0:
        raise ValueError(f"level must be at least 0, got {level}")
    return x + level * jax.vmap(lambda key: jax.random.normal(key, x.shape[1:], x.dtype))(keys)


CORRUPTIONS = {"gaussian": gaussian_noise, "masking": masking_noise}


def _check(keys: jax.Array, x: jax.Array) -> None:
    if keys.ndim != 1 or x.shape[:1] != keys.shape:
        raise ValueError(
            f"keys must have shape [B] and x [B, ...], got {list(keys.shape)} and {list(x.shape)}"
        )
