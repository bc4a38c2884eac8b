"""Pooling of tokens by attention."""

import functools

import jax
import jax.numpy as jnp
from einops import rearrange
from flax import linen as nn
from jax.nn.initializers import Initializer

from ssljax.models.attention import attend
from ssljax.models.transformer import MLP, XAVIER, LayerNorm, linear


class AttentionPool(nn.Module):
    """One learned query that attends to all tokens; y + mlp(norm(y)) of what it finds.

    Args (fields):
      heads: attention heads; they divide the width of the tokens.
      mlp_ratio, activation, norm_epsilon: see `ssljax.models.transformer.Transformer`.
      kernel_init: of the maps and of the query.
      dtype: of products and activations.

    Lee et al. 2018, arXiv:1810.00825; as SigLIP has it, google-research/big_vision,
    models/vit.py, MAPHead.
    """

    heads: int
    mlp_ratio: float = 4.0
    activation: str = "gelu"
    norm_epsilon: float = 1e-6
    kernel_init: Initializer = XAVIER
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, tokens: jax.Array) -> jax.Array:
        """Return [B, D] of tokens[B, N, D]."""
        width, init = tokens.shape[-1], self.kernel_init
        probe = self.param("probe", init, (1, width)).astype(self.dtype)
        probe = jnp.broadcast_to(probe, (len(tokens), 1, width))
        dense = functools.partial(linear, width, self.dtype, kernel_init=init)
        q, k, v = (
            rearrange(
                dense(name=name, axes=("embed", "heads"))(x), "b n (h d) -> b h n d", h=self.heads
            )
            for name, x in (("query", probe), ("key", tokens), ("value", tokens))
        )
        found = rearrange(attend(q, k, v), "b h n d -> b n (h d)")
        y = dense(name="out", axes=("heads", "embed"))(found)
        mlp = MLP(self.mlp_ratio, self.activation, self.dtype, init, init, name="mlp")
        return (y + mlp(LayerNorm(self.norm_epsilon, dtype=self.dtype, name="norm")(y)))[:, 0]
