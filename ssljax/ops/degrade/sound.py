"""Corruptions of waves float32[S] in [-1, 1].

| corruption | strengths 1 to 5 |
|---|---|
| noise | white, of a power that is 20, 10, 5, 0, -5 dB below that of the sound |
| lost samples | .1, .2, .3, .4, .5 of the sound, in one piece anywhere, become silence |
"""

import jax
import jax.numpy as jnp

from ssljax.ops.degrade.levels import level

NOISE = (20.0, 10.0, 5.0, 0.0, -5.0)  # dB
LOST = (0.1, 0.2, 0.3, 0.4, 0.5)


def sound_noise(key: jax.Array, wave: jax.Array, strength: jax.Array | int) -> jax.Array:
    """Add white noise; silence stays."""
    scale = jnp.sqrt(jnp.mean(wave**2)) * 10 ** (-level(NOISE, strength) / 20)
    return wave + scale * jax.random.normal(key, wave.shape)


def sound_lost(key: jax.Array, wave: jax.Array, strength: jax.Array | int) -> jax.Array:
    """Silence one piece, the centre of which is uniform; what lies beyond an end is cut off."""
    centre = jax.random.uniform(key) * len(wave)
    half = level(LOST, strength) * len(wave) / 2
    return jnp.where(jnp.abs(jnp.arange(len(wave)) - centre) < half, 0, wave)
