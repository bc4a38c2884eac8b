"""Heads of language models: hidden words, pairs of sentences, replaced words."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from ssljax.models.axes import named_init
from ssljax.models.base import compute_dtype
from ssljax.models.initializers import kernel_initializer
from ssljax.models.transformer import ACTIVATIONS, LayerNorm, gelu

XAVIER = nn.initializers.xavier_uniform()


class WordHead(nn.Module):
    """norm(act(linear(h))) of tokens, whose products with the vectors of ids are scores, and a bias
    for each id (BERT, RoBERTa, ALBERT, ELECTRA's generator, ESM).

    Args (fields):
      width: of the vectors of ids.
      vocab: number of ids.
      activation: as of the encoder's MLPs.
      norm_epsilon: of the norm.
      dtype: "float32" or "bfloat16" for the product.

    Devlin et al. 2018, arXiv:1810.04805; google-research/bert, run_pretraining.py
    (get_masked_lm_output).
    """

    width: int
    vocab: int
    activation: str = "gelu"
    norm_epsilon: float = 1e-12
    dtype: str = "float32"

    @nn.compact
    def __call__(self, tokens: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Map tokens[B, K, D] to (features[B, K, width], bias float32[vocab])."""
        dtype = compute_dtype(self.dtype)
        x = ACTIVATIONS[self.activation](_dense(self.width, dtype, "linear")(tokens))
        x = LayerNorm(self.norm_epsilon, dtype=dtype, name="norm")(x)
        return x, self.param("bias", named_init(nn.initializers.zeros, "vocab"), (self.vocab,))


class PooledTanh(nn.Module):
    """tanh(linear(x)) of features, of their width (BERT's pooler, SimCSE's head).

    Args (fields):
      dtype: "float32" or "bfloat16" for the product; the output is float32.
    """

    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Map x[B, D] to float32[B, D]."""
        dense = _dense(x.shape[-1], compute_dtype(self.dtype), "linear")
        return nn.tanh(dense(x)).astype(jnp.float32)


class TokenHead(nn.Module):
    """A score of each token: linear(gelu(linear(h))) (ELECTRA's discriminator).

    Args (fields):
      dtype: "float32" or "bfloat16" for the products; the scores are float32.

    Clark et al. 2020, arXiv:2003.10555; google-research/electra, run_pretraining.py
    (_get_discriminator_output).
    """

    dtype: str = "float32"

    @nn.compact
    def __call__(self, tokens: jax.Array) -> jax.Array:
        """Map tokens[B, N, D] to float32[B, N]."""
        dtype = compute_dtype(self.dtype)
        x = gelu(_dense(tokens.shape[-1], dtype, "linear")(tokens))
        return _dense(1, dtype, "output")(x)[..., 0].astype(jnp.float32)


class WordVectors(nn.Module):
    """A vector for each id, as a network of its own.

    Args (fields):
      vocab: number of ids.
      width: of a vector.
    """

    vocab: int
    width: int

    @nn.compact
    def __call__(self, ids: jax.Array) -> jax.Array:
        """Map ids int[...] to float32[..., width]; all start at 0 (word2vec's output vectors)."""
        rows = self.param(
            "embedding", named_init(nn.initializers.zeros, "vocab"), (self.vocab, self.width)
        )
        return jnp.take(rows, ids, axis=0)


class WordScores(nn.Module):
    """The map from features to a score of each id, linear(h); not applied.

    Args (fields):
      width: of the features.
      vocab: number of ids.
    """

    width: int
    vocab: int

    @nn.compact
    def __call__(self) -> tuple[jax.Array, jax.Array]:
        """Return what losses of words take: float32[vocab, width], a vector for each id, and
        float32[vocab], its bias."""
        init = named_init(XAVIER, None, "vocab")
        kernel = self.param("kernel", init, (self.width, self.vocab))
        bias = self.param("bias", named_init(nn.initializers.zeros, "vocab"), (self.vocab,))
        return kernel.T, bias


def _dense(width: int, dtype: jnp.dtype, name: str) -> nn.Dense:
    return nn.Dense(width, dtype=dtype, kernel_init=kernel_initializer("normal"), name=name)
