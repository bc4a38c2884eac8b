"""From the tokens of an image to a caption of it: pooling by queries, and a decoder of text."""

import functools

import jax
import jax.numpy as jnp
from einops import rearrange
from flax import linen as nn

from ssljax.models.attention import attend
from ssljax.models.axes import named_init
from ssljax.models.base import compute_dtype
from ssljax.models.initializers import block_initializer
from ssljax.models.transformer import MLP, XAVIER, Attention, LayerNorm, linear


class CrossAttention(nn.Module):
    """softmax(q k' / sqrt(d)) v of tokens that look at those of something else.

    Args (fields):
      heads: attention heads; they divide `width`.
      width: of queries, keys, values and the result.
      dtype: of products and activations.
      kernel_init: of the maps.
    """

    heads: int
    width: int
    dtype: jnp.dtype = jnp.float32
    kernel_init: nn.initializers.Initializer = XAVIER

    @nn.compact
    def __call__(self, x: jax.Array, memory: jax.Array) -> jax.Array:
        """Map x[B, N, D] and memory[B, M, E] to [B, N, width]."""
        if self.width % self.heads:
            raise ValueError(f"heads must divide the width {self.width}, got {self.heads}")
        dense = functools.partial(linear, self.width, self.dtype, kernel_init=self.kernel_init)
        q, k, v = (
            rearrange(
                dense(name=name, axes=("embed", "heads"))(of),
                "b n (h d) -> b h n d",
                h=self.heads,
            )
            for name, of in (("query", x), ("key", memory), ("value", memory))
        )
        found = rearrange(attend(q, k, v), "b h n d -> b n (h d)")
        return dense(name="out", axes=("heads", "embed"))(found)


class QueryPool(nn.Module):
    """Learned queries that attend to all tokens: norm(attention(norm(queries), norm(tokens))).

    Args (fields):
      queries: number of them.
      heads: attention heads; they divide the width of the tokens.
      norm_epsilon: of the norms.
      dtype: of products and activations.

    CoCa's attentional pooler, Yu et al. 2022, arXiv:2205.01917, section 3.2; mlfoundations/
    open_clip, transformer.py, AttentionalPooler.
    """

    queries: int
    heads: int
    norm_epsilon: float = 1e-6
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, tokens: jax.Array) -> jax.Array:
        """Return [B, queries, D] of tokens[B, N, D]."""
        width = tokens.shape[-1]
        norm = functools.partial(LayerNorm, self.norm_epsilon, dtype=self.dtype)
        init = nn.initializers.normal(width**-0.5)
        queries = self.param("queries", init, (self.queries, width)).astype(self.dtype)
        queries = norm(name="query_norm")(queries)
        queries = jnp.broadcast_to(queries, (len(tokens), *queries.shape))
        attention = CrossAttention(self.heads, width, self.dtype, name="attention")
        return norm(name="norm")(attention(queries, norm(name="token_norm")(tokens)))


class CaptionPooler(nn.Module):
    """What a caption is told from, and behind it what a text is compared with.

    Args (fields):
      queries: tokens of the image that a decoder sees.
      heads: attention heads of both poolers.
      dtype: "float32" or "bfloat16"; the pooled vector is float32.

    As in facebookresearch/multimodal, torchmultimodal/modules/layers/attention_pooler.py,
    CascadedAttentionPooler.
    """

    queries: int
    heads: int
    dtype: str = "float32"

    @nn.compact
    def __call__(self, tokens: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Map tokens[B, N, D] to ([B, queries, D], float32[B, D])."""
        options = {"heads": self.heads, "dtype": compute_dtype(self.dtype)}
        seen = QueryPool(self.queries, name="caption", **options)(tokens)
        pooled = QueryPool(1, name="contrastive", **options)(seen)
        return seen, pooled[:, 0].astype(jnp.float32)


class CaptionDecoder(nn.Module):
    """A causal transformer of the tokens of a text, each of whose blocks also looks at an image.

        x + attention(norm(x)), x + cross_attention(norm(x), image), x + mlp(norm(x))

    `depth` times, and a last norm.

    Args (fields):
      vocab: number of ids.
      depth, heads: of the transformer; its width is that of the text's tokens.
      mlp_ratio, activation, norm_epsilon, kernel_init: see `Transformer`.
      dtype: "float32" or "bfloat16" for products and activations.

    Yu et al. 2022, arXiv:2205.01917; mlfoundations/open_clip, transformer.py,
    MultimodalTransformer.
    """

    vocab: int
    depth: int
    heads: int
    mlp_ratio: float = 4.0
    activation: str = "gelu"
    norm_epsilon: float = 1e-6
    kernel_init: str = "xavier"
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, tokens: jax.Array, image: jax.Array, segments: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Return what scores the next token of each.

        Args:
          tokens: [B, T, D], those of the text, of an encoder that sees no later ones.
          image: [B, M, E].
          segments: int32[B, T], 0 for padding.

        Returns:
          Features [B, T, D], and a vector for each id, float32[vocab, D]; their products are the
          scores.
        """
        dtype, width = compute_dtype(self.dtype), tokens.shape[-1]
        init = block_initializer(self.kernel_init)
        norm = functools.partial(LayerNorm, self.norm_epsilon, dtype=dtype)
        x, image = tokens.astype(dtype), image.astype(dtype)
        for i in range(self.depth):
            own = Attention(
                self.heads,
                False,
                self.norm_epsilon,
                dtype,
                init,
                init,
                causal=True,
                name=f"attention_{i}",
            )
            cross = CrossAttention(self.heads, width, dtype, init, name=f"cross_attention_{i}")
            mlp = MLP(self.mlp_ratio, self.activation, dtype, init, init, name=f"mlp_{i}")
            x = x + own(norm(name=f"norm1_{i}")(x), segments=segments)
            x = x + cross(norm(name=f"norm2_{i}")(x), image)
            x = x + mlp(norm(name=f"norm3_{i}")(x))
        word_init = named_init(nn.initializers.normal(0.02), "vocab")
        words = self.param("words", word_init, (self.vocab, width))
        return norm(name="norm")(x), words
