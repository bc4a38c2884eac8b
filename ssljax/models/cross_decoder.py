"""MultiMAE's decoder: the tokens of one kind of input look at all that the encoder saw."""

import math

import jax
import jax.numpy as jnp
from flax import linen as nn

from ssljax.models.base import Encoded, compute_dtype
from ssljax.models.captioner import CrossAttention
from ssljax.models.decoders import restored
from ssljax.models.initializers import block_initializer
from ssljax.models.positions import sincos
from ssljax.models.transformer import MLP, LayerNorm, Transformer, linear


class CrossDecoder(nn.Module):
    """Queries of one input, its visible tokens and mask tokens for the others, attend to the tokens
    of all inputs; an MLP, a small transformer, and a linear map follow.

    Tokens are told apart by their fixed position and by a learned vector of their input. Inputs lie
    on the same grid.

    Args (fields):
      grid: patches of an input along each axis.
      inputs: number of inputs, whose tokens follow each other.
      number: that of the input which is predicted, from 0.
      out: values per patch.
      width, depth, heads: of the decoder; `depth` counts blocks behind the cross-attention.
      mlp_ratio, activation, norm_epsilon, attention, scan, remat: see `Transformer`.
      dtype: "float32" or "bfloat16"; the output is float32.

    Bachmann et al. 2022, arXiv:2204.01678; EPFL-VILAB/MultiMAE, multimae/output_adapters.py
    (SpatialOutputAdapter).
    """

    grid: tuple[int, ...]
    inputs: int
    number: int
    out: int
    width: int = 256
    depth: int = 2
    heads: int = 8
    mlp_ratio: float = 4.0
    activation: str = "gelu"
    norm_epsilon: float = 1e-6
    attention: str = "auto"
    scan: bool = True
    remat: str = "none"
    dtype: str = "float32"

    @nn.compact
    def __call__(self, encoded: Encoded, keep: jax.Array, restore: jax.Array) -> jax.Array:
        """Predict every patch of the input.

        Args:
          encoded: of K visible tokens of all inputs: pooled [B, D], tokens [B, K, D].
          keep: int32[B, K], their places among the tokens of all inputs, [0, inputs * N).
          restore: int32[B, inputs * N], see `ssljax.ops.masking.Mask`.

        Returns:
          float32[B, N, out], row-major.
        """
        dtype, patches = compute_dtype(self.dtype), math.prod(self.grid)
        if restore.shape[1] != self.inputs * patches:
            raise ValueError(
                f"restore must have {self.inputs} x {patches} columns for the grid {self.grid}, "
                f"got the shape {restore.shape}"
            )

        def norm(name):
            return LayerNorm(self.norm_epsilon, dtype=dtype, name=name)

        seen = jnp.concatenate([encoded.pooled[:, None], encoded.tokens], axis=1).astype(dtype)
        seen = linear(self.width, dtype, "embed")(seen)
        pooled, visible = seen[:, :1], seen[:, 1:]
        start = nn.initializers.normal(0.02)
        mask_token = self.param("mask_token", start, (self.width,)).astype(dtype)
        kinds = self.param("input_embed", start, (self.inputs, self.width)).astype(dtype)
        every = restored(visible, mask_token, restore)
        positions = jnp.asarray(sincos(self.grid, self.width), dtype)
        every = every + (kinds[:, None] + positions).reshape(-1, self.width)
        context = jnp.take_along_axis(every, keep[:, :, None], axis=1)
        context = jnp.concatenate([context, pooled], axis=1)
        first = self.number * patches
        queries = norm("query_norm")(every[:, first : first + patches])
        cross = CrossAttention(self.heads, self.width, dtype, name="cross_attention")
        x = cross(queries, norm("context_norm")(context))
        init = block_initializer("xavier")
        mlp = MLP(self.mlp_ratio, self.activation, dtype, init, init, name="mlp")
        x = x + mlp(norm("mlp_norm")(x))
        x = Transformer(
            depth=self.depth,
            heads=self.heads,
            mlp_ratio=self.mlp_ratio,
            activation=self.activation,
            norm_epsilon=self.norm_epsilon,
            attention=self.attention,
            scan=self.scan,
            remat=self.remat,
            last_norm=False,
            dtype=dtype,
            name="trunk",
        )(x, train=False)
        return linear(self.out, dtype, "output")(x).astype(jnp.float32)
