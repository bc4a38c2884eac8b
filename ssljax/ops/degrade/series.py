"""Corruptions of series float32[T, C], normalised; so are the results.

| corruption | strengths 1 to 5 |
|---|---|
| noise | Gaussian, standard deviation .1, .25, .5, 1, 2 of that of the channel |
| dropped channels | .1, .2, .3, .4, .5 of the channels become 0, their mean; at least one |
"""

import jax
import jax.numpy as jnp

from ssljax.ops.degrade.levels import level

NOISE = (0.1, 0.25, 0.5, 1.0, 2.0)
DROPPED = (0.1, 0.2, 0.3, 0.4, 0.5)


def series_noise(key: jax.Array, series: jax.Array, strength: jax.Array | int) -> jax.Array:
    """Add Gaussian noise to each value."""
    return series + level(NOISE, strength) * jax.random.normal(key, series.shape)


def series_dropped_channels(
    key: jax.Array, series: jax.Array, strength: jax.Array | int
) -> jax.Array:
    """Set some of at least two channels to 0 at all times.

    Raises:
      ValueError: there is one channel; without it nothing would be left.
    """
    channels = series.shape[1]
    if channels < 2:
        raise ValueError("the only channel of a series cannot be dropped")
    count = jnp.maximum(1, jnp.round(level(DROPPED, strength) * channels))
    return jnp.where(jax.random.permutation(key, channels) < count, 0.0, series)
