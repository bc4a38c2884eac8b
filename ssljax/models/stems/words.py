"""Ids of a vocabulary, each a token."""

import jax
import jax.numpy as jnp
from flax import linen as nn


class TokenEmbed(nn.Module):
    """One vector for each id, normal with std 0.02 at the start (GPT-2, BERT).

    Args (fields):
      vocab: number of ids.
      width: size of a token.
      dtype: compute dtype.
    """

    vocab: int
    width: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, ids: jax.Array) -> jax.Array:
        """Map ids int[B, N] to tokens[B, N, width]."""
        shape = (self.vocab, self.width)
        rows = self.param("embedding", nn.initializers.normal(0.02), shape)
        return jnp.take(rows, ids, axis=0).astype(self.dtype)
