"""A predictor of the next embedding of an episode, given those before it and the actions."""

import jax
import jax.numpy as jnp
from einops import rearrange
from flax import linen as nn

from ssljax.models.attention import attend
from ssljax.models.base import compute_dtype
from ssljax.models.initializers import bias_initializer, kernel_initializer
from ssljax.models.transformer import LayerNorm, gelu, linear


class ActionPredictor(nn.Module):
    """LeWM's predictor: a causal transformer of embeddings, conditioned on actions by AdaLN-zero.

    With c the embedding of the action after a frame, and N a LayerNorm without parameters, a block
    is

        (s1, r1, g1, s2, r2, g2) = W silu(c) + b,  0 at the start
        x = x + g1 attention(LayerNorm((1 + r1) N(x) + s1))
        x = x + g2 mlp(LayerNorm((1 + r2) N(x) + s2)),  mlp(y) = W_2 gelu(W_1 y)

    A frame sees itself and those before it. A LayerNorm follows the last block. As every gate
    starts at 0, so does every block.

    Args (fields):
      frames: that learned positions are made for; fewer take the first of them.
      depth: number of blocks.
      heads, head_dim: of attention; together they may be wider than the embeddings.
      mlp_dim: hidden width.
      dropout: of what each branch adds, within the MLP and of attention's weights.
      dtype: "float32" or "bfloat16" for the products; the output is float32.

    Maes et al. 2026, arXiv:2603.19312; lucas-maes/le-wm, module.py (ARPredictor), whose weights
    start as PyTorch's, positions normal with deviation 1.
    """

    frames: int
    depth: int = 6
    heads: int = 16
    head_dim: int = 64
    mlp_dim: int = 2048
    dropout: float = 0.1
    dtype: str = "float32"

    @nn.compact
    def __call__(self, z: jax.Array, actions: jax.Array, *, train: bool) -> jax.Array:
        """Map embeddings z[B, T, D] and those of the actions [B, T, A] to float32[B, T, D]."""
        dtype, times = compute_dtype(self.dtype), z.shape[1]
        init = nn.initializers.normal(1.0)
        positions = self.param("positions", init, (self.frames, z.shape[-1]))[:times]
        x = (z + positions).astype(dtype)
        for i in range(self.depth):
            x = ConditionalBlock(
                self.heads,
                self.head_dim,
                self.mlp_dim,
                self.dropout if train else 0.0,
                dtype,
                name=f"block_{i}",
            )(x, actions.astype(dtype))
        return LayerNorm(1e-5, dtype=dtype, name="norm")(x).astype(jnp.float32)


class ConditionalBlock(nn.Module):
    """One block of `ActionPredictor`."""

    heads: int
    head_dim: int
    mlp_dim: int
    dropout: float
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array, c: jax.Array) -> jax.Array:
        width = x.shape[-1]
        zeros = nn.initializers.zeros
        modulation = linear(6 * width, self.dtype, "modulation", zeros)(nn.silu(c))
        shift1, scale1, gate1, shift2, scale2, gate2 = jnp.split(modulation, 6, axis=-1)
        plain = LayerNorm(1e-6, dtype=self.dtype, use_bias=False, use_scale=False)
        x = x + gate1 * self._attention(plain(x) * (1 + scale1) + shift1)
        return x + gate2 * self._mlp(plain(x) * (1 + scale2) + shift2)

    def _attention(self, x: jax.Array) -> jax.Array:
        x = LayerNorm(1e-5, dtype=self.dtype, name="attention_norm")(x)
        inner, axes = self.heads * self.head_dim, ("embed", "heads")
        q, k, v = (
            rearrange(
                self._linear(x, inner, name, axes=axes, use_bias=False),
                "b n (h d) -> b h n d",
                h=self.heads,
            )
            for name in ("query", "key", "value")
        )
        options = {}
        if self.dropout:
            options = {"dropout": self.dropout, "dropout_key": self.make_rng("dropout")}
        y = rearrange(attend(q, k, v, causal=True, **options), "b h n d -> b n (h d)")
        return self._dropped(self._linear(y, x.shape[-1], "out", axes=axes[::-1]))

    def _mlp(self, x: jax.Array) -> jax.Array:
        width = x.shape[-1]
        x = LayerNorm(1e-5, dtype=self.dtype, name="mlp_norm")(x)
        hidden = gelu(self._linear(x, self.mlp_dim, "fc1", axes=("embed", "mlp")))
        return self._dropped(
            self._linear(self._dropped(hidden), width, "fc2", axes=("mlp", "embed"))
        )

    def _linear(self, x: jax.Array, width: int, name: str, **options) -> jax.Array:
        inits = kernel_initializer("torch"), bias_initializer("torch", x.shape[-1])
        return linear(width, self.dtype, name, *inits, **options)(x)

    def _dropped(self, x: jax.Array) -> jax.Array:
        return nn.Dropout(self.dropout, deterministic=not self.dropout)(x)
