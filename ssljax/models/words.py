"""Texts without order: the mean of the vectors of their words."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from ssljax.errors import UserError
from ssljax.models.base import Encoded, compute_dtype
from ssljax.schema import Dtype, NotNegative, Width

Grid = tuple[int, ...]


class WordMean(nn.Module):
    """A vector for each id of a vocabulary; features are their mean over a text (word2vec).

    Vectors start uniform within 1 / (2 width), as in tmikolov/word2vec, word2vec.c (InitNet).

    Args (fields):
      width: of a vector.
      deviation: above 0, vectors start normal with that standard deviation instead.
      vocab: number of ids; from the data.
      dtype: "float32" or "bfloat16" of the vectors as they are used; parameters and features are
        float32.
    """

    width: Width = 300
    deviation: NotNegative = 0.0
    vocab: int = 0
    dtype: Dtype = "float32"

    modality: ClassVar[str] = "text"
    patch: ClassVar[Grid] = ()
    given: ClassVar[tuple[str, ...]] = ("vocab",)

    @nn.compact
    def __call__(self, x: jax.Array, segments: jax.Array | None = None) -> Encoded:
        """Encode ids int[B, N]; `segments`, 0 for padding, says which count."""
        if x.ndim != 2 or not self.vocab:
            raise UserError(
                f"word vectors take ids [N] of a vocabulary, got {list(x.shape[1:])} and a "
                f"vocabulary of {self.vocab}"
            )
        bound = 0.5 / self.width

        def uniform(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
            return jax.random.uniform(key, shape, minval=-bound, maxval=bound)

        start = nn.initializers.normal(self.deviation) if self.deviation else uniform
        rows = self.param("embedding", start, (self.vocab, self.width))
        tokens = jnp.take(rows, x, axis=0).astype(compute_dtype(self.dtype))
        weights = jnp.ones(x.shape) if segments is None else (segments > 0).astype(jnp.float32)
        total = jnp.einsum("bn,bnd->bd", weights, tokens.astype(jnp.float32))
        return Encoded(total / jnp.maximum(weights.sum(axis=1, keepdims=True), 1), tokens)
