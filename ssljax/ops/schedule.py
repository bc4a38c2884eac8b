"""Schedules of momentum, temperature or weights, as functions of the step."""

import math

import jax
import jax.numpy as jnp


def cosine(step: int | jax.Array, *, start: float, end: float, steps: int) -> jax.Array:
    """Return the value at a step that follows half a cosine from `start` to `end`.

        end - (end - start) * (cos(pi * min(step, steps) / steps) + 1) / 2

    Args:
      step: the number of the step, from 0.
      start: the value at step 0, such as BYOL's momentum of 0.996.
      end: the value at `steps` and after.
      steps: length of the schedule in steps; 0 means `end` at every step.

    Returns:
      A float32 scalar.

    Raises:
      ValueError: steps is negative.

    BYOL, https://arxiv.org/abs/2006.07733; google-deepmind/deepmind-research,
    byol/utils/schedules.py.

    >>> [round(float(cosine(s, start=0.9, end=1.0, steps=100)), 3) for s in (0, 50, 100, 999)]
    [0.9, 0.95, 1.0, 1.0]
    """
    return jnp.float32(end) - (end - start) * (jnp.cos(jnp.pi * _progress(step, steps)) + 1) / 2


def linear(step: int | jax.Array, *, start: float, end: float, steps: int) -> jax.Array:
    """Return the value at a step that follows a straight line from `start` to `end`.

    Arguments, result and errors are those of `cosine`.

    >>> [round(float(linear(s, start=0.04, end=0.07, steps=30)), 3) for s in (0, 10, 30, 999)]
    [0.04, 0.05, 0.07, 0.07]
    """
    return jnp.float32(end) - (end - start) * (1 - _progress(step, steps))


def sine(step: int | jax.Array, *, start: float, end: float, steps: int) -> jax.Array:
    """Return the value at a step that follows a quarter of a sine from `start` to `end`.

        start + (end - start) * sin(pi / 2 * min(step, steps) / steps)

    Unlike a cosine it changes fastest at the start. Arguments, result and errors are those of
    `cosine`.

    sayannag/TiCo-pytorch, TiCo/main.py.

    >>> [round(float(sine(s, start=0.9, end=1.0, steps=100)), 3) for s in (0, 50, 100, 999)]
    [0.9, 0.971, 1.0, 1.0]
    """
    return jnp.float32(end) - (end - start) * (1 - jnp.sin(jnp.pi / 2 * _progress(step, steps)))


def geometric(step: int | jax.Array, *, start: float, end: float, factor: float) -> jax.Array:
    """Return max(start factor^step, end), such as the temperature of wav2vec 2.0's quantizer.

    Args:
      step: the number of the step, from 0.
      start: the value at step 0.
      end: the least value.
      factor: from one step to the next, above 0 and at most 1.

    Returns:
      A float32 scalar.

    Raises:
      ValueError: the factor is out of range.

    facebookresearch/fairseq, fairseq/modules/gumbel_vector_quantizer.py (set_num_updates).

    >>> [round(float(geometric(s, start=2, end=0.5, factor=0.999)), 3) for s in (0, 1000, 9999)]
    [2.0, 0.735, 0.5]
    """
    if not 0 < factor <= 1:
        raise ValueError(f"factor must be above 0 and at most 1, got {factor}")
    value = start * jnp.exp(jnp.asarray(step, jnp.float32) * math.log(factor))
    return jnp.maximum(value, end).astype(jnp.float32)


SCHEDULES = {"cosine": cosine, "linear": linear, "sine": sine}


def _progress(step: int | jax.Array, steps: int) -> jax.Array:
    if steps < 0:
        raise ValueError(f"steps must be at least 0, got {steps}")
    if steps == 0:
        return jnp.float32(1)
    return jnp.clip(jnp.asarray(step, jnp.float32) / steps, 0.0, 1.0)
