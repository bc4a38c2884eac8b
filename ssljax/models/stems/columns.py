"""The columns of a table, each a token."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn


class ColumnEmbed(nn.Module):
    """FT-Transformer's tokenizer: x_j w_j + b_j for a number, e_j[x_j] + b_j for a category.

    Args (fields):
      cardinalities: number of categories of each column, 0 for a numeric one.
      width: size of a token.
      dtype: compute dtype.

    Gorishniy et al. 2021, arXiv:2106.11959; yandex-research/rtdl-revisiting-models,
    bin/ft_transformer.py (Tokenizer): all start uniform within 1 / sqrt(width).
    """

    cardinalities: tuple[int, ...]
    width: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Map x[B, M], ids of categories among the numbers, to tokens[B, M, width]."""
        cards = np.array(self.cardinalities)
        numeric, categories = np.flatnonzero(cards == 0), np.flatnonzero(cards)
        bound = self.width**-0.5

        def uniform(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
            return jax.random.uniform(key, shape, minval=-bound, maxval=bound)

        parts = []
        if len(numeric):
            weight = self.param("weight", uniform, (len(numeric), self.width))
            parts.append(x[:, numeric, None].astype(self.dtype) * weight.astype(self.dtype))
        if len(categories):
            rows = self.param("embedding", uniform, (int(cards.sum()), self.width))
            ids = jnp.clip(x[:, categories].astype(jnp.int32), 0, cards[categories] - 1)
            first = np.cumsum(cards[categories]) - cards[categories]
            parts.append(jnp.take(rows, ids + first, axis=0).astype(self.dtype))
        order = np.argsort(np.concatenate([numeric, categories]))
        tokens = jnp.concatenate(parts, axis=1)[:, order]
        return tokens + self.param("bias", uniform, (len(cards), self.width)).astype(self.dtype)
