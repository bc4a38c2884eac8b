"""Which times of which sequences are negatives: a pure function of keys."""

import jax
import jax.numpy as jnp


def draw_negatives(
    keys: jax.Array, *, times: int, steps: int, count: int, sequences: int = 1
) -> jax.Array:
    """Draw negatives for each time t from which steps t + 1 ... t + steps are predicted.

    They are uniform, with replacement, over all times of `sequences` sequences but those of the
    predicted steps themselves, so that a negative is never one of the positives.

    Args:
      keys: one for each sequence, [B].
      times: N, of a sequence.
      steps: K; predicted from are the first N - K times.
      count: of negatives for each time.
      sequences: B for negatives of the whole batch, or 1 for those of the sequence itself.

    Returns:
      int32[B, N - K, count], rows of the times [sequences * N], sequence after sequence: of the
      batch, or of the own sequence.

    Raises:
      ValueError: no time is left to be predicted from, or to be drawn.

    >>> keys = jax.random.split(jax.random.key(0), 1)
    >>> sorted(set(draw_negatives(keys, times=4, steps=2, count=50)[0, 1].tolist()))  # not 2, 3
    [0, 1]
    """
    if times <= steps:
        raise ValueError(f"{times} times leave none from which {steps} steps can be predicted")
    if sequences not in (1, len(keys)):
        raise ValueError(f"sequences={sequences} must be 1, or that of the keys, {len(keys)}")
    left = sequences * times - steps

    def one(key: jax.Array, start: jax.Array) -> jax.Array:
        drawn = jax.random.randint(key, (times - steps, count), 0, left)
        first = start + jnp.arange(times - steps)[:, None] + 1  # the first positive
        return drawn + jnp.where(drawn >= first, steps, 0)

    starts = jnp.arange(len(keys)) * times if sequences > 1 else jnp.zeros(len(keys), jnp.int32)
    return jax.vmap(one)(keys, starts.astype(jnp.int32))
