"""Negatives of a contrastive loss within an example."""

import jax
import jax.numpy as jnp


def other_places(keys: jax.Array, *, places: int, count: int) -> jax.Array:
    """Draw `count` of the other places for each place of every example, with replacement.

    Args:
      keys: typed keys [B], one per example.
      places: N, at least 2.
      count: M.

    Returns:
      int32[B, N, M] in 0 ... N - 1, never the place itself.

    Raises:
      ValueError: there is no other place, or none is asked for.

    wav2vec 2.0, https://arxiv.org/abs/2006.11477; facebookresearch/fairseq,
    fairseq/models/wav2vec/wav2vec2.py (sample_negatives).

    >>> other_places(jax.random.split(jax.random.key(0), 1), places=2, count=3).tolist()
    [[[1, 1, 1], [0, 0, 0]]]
    """
    if places < 2 or count < 1:
        raise ValueError(
            f"places must be at least 2 and count at least 1, got {places} and {count}"
        )

    def one(key: jax.Array) -> jax.Array:
        drawn = jax.random.randint(key, (places, count), 0, places - 1)
        return drawn + (drawn >= jnp.arange(places)[:, None])

    return jax.vmap(one)(keys).astype(jnp.int32)
