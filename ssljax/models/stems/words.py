"""Ids of a vocabulary, each a token; tokens of a text beside those of another input."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from ssljax.models.positions import sincos


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


class PlacedWords(nn.Module):
    """Vectors of words with fixed positions and a vector that all share: a stem beside that of an
    encoder.

    The vector tells words from the tokens of the other input; it starts normal with std 0.02.
    """

    @nn.compact
    def __call__(self, words: jax.Array) -> jax.Array:
        """Map vectors[B, N, width] to tokens[B, N, width]."""
        count, width = words.shape[1:]
        kind = self.param("input_embed", nn.initializers.normal(0.02), (width,))
        return words + (jnp.asarray(sincos((count,), width)) + kind).astype(words.dtype)
