"""From the tokens of an encoder to what it did not see: pixels, or features."""

import math

import jax
import jax.numpy as jnp
from einops import rearrange, repeat
from flax import linen as nn

from ssljax.models.base import Encoded, compute_dtype
from ssljax.models.grouped_convolution import grouped_convolution
from ssljax.models.initializers import (
    bias_initializer,
    block_initializer,
    kernel_initializer,
)
from ssljax.models.positions import FIXED, ROTARY, cells, sincos
from ssljax.models.transformer import Transformer, gelu, linear
from ssljax.ops.normalize import standardize


def restored(visible: jax.Array, mask_token: jax.Array, restore: jax.Array) -> jax.Array:
    """Return tokens[B, N, D] in order: those that are visible, [B, K, D], and mask_token[D] for the
    others; `restore` is int32[B, N], see `ssljax.ops.masking.Mask`."""
    shape = (len(visible), restore.shape[1] - visible.shape[1], visible.shape[2])
    every = jnp.concatenate([visible, jnp.broadcast_to(mask_token, shape)], axis=1)
    return jnp.take_along_axis(every, restore[:, :, None], axis=1)


class MAEDecoder(nn.Module):
    """MAE's decoder: mask tokens for hidden patches, positions, a small transformer, a linear map.

    The encoder's pooled vector goes in front as one more token and is dropped at the end. With
    `pool="cls"` that is the official model exactly; with "mean" it is a summary of the visible
    patches. Without `summary` there is none, and the map to the decoder's width has no bias: the
    decoder of VideoMAE (Tong et al. 2022, arXiv:2203.12602; MCG-NJU/VideoMAE,
    modeling_pretrain.py).

    Args (fields):
      grid: patches along each axis of the whole example.
      out: values per patch, patch_size^2 times channels for pixels.
      width, depth, heads: of the decoder's transformer.
      positions: "sincos" (MAE's) or "sincos_numbered" (VideoMAE's).
      summary: see above.
      mlp_ratio, activation, norm_epsilon, attention, scan, remat: see `Transformer`.
      dtype: "float32" or "bfloat16"; the output is float32.

    He et al. 2021, arXiv:2111.06377; facebookresearch/mae, models_mae.py.
    """

    grid: tuple[int, ...]
    out: int
    width: int = 512
    depth: int = 8
    heads: int = 16
    positions: str = "sincos"
    summary: bool = True
    mlp_ratio: float = 4.0
    activation: str = "gelu"
    norm_epsilon: float = 1e-6
    attention: str = "auto"
    scan: bool = True
    remat: str = "none"
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, encoded: Encoded, restore: jax.Array, segments: jax.Array | None = None
    ) -> jax.Array:
        """Predict every patch.

        Args:
          encoded: of K visible patches: pooled [B, D], tokens [B, K, D].
          restore: int32[B, N], the place of each patch in (visible patches in their order, hidden
            ones).
          segments: [B, N], 0 or False at patches of padding, which the others do not see.

        Returns:
          float32[B, N, out], row-major.
        """
        patches = math.prod(self.grid)
        if segments is not None and self.summary:  # that of the pooled vector in front
            segments = jnp.pad(segments.astype(jnp.int32), ((0, 0), (1, 0)), constant_values=1)
        if restore.shape[1] != patches:
            raise ValueError(
                f"restore must have {patches} columns for the grid {self.grid}, "
                f"got the shape {restore.shape}"
            )
        dtype = compute_dtype(self.dtype)
        tokens, first = encoded.tokens.astype(dtype), int(self.summary)
        if self.summary:
            tokens = jnp.concatenate([encoded.pooled[:, None].astype(dtype), tokens], axis=1)
        tokens = linear(self.width, dtype, "embed", use_bias=self.summary)(tokens)
        pooled, visible = tokens[:, :first], tokens[:, first:]
        mask_token = self.param("mask_token", nn.initializers.normal(0.02), (self.width,))
        patches = restored(visible, mask_token.astype(dtype), restore)
        patches = patches + jnp.asarray(FIXED[self.positions](self.grid, self.width), dtype)
        tokens = Transformer(
            depth=self.depth,
            heads=self.heads,
            mlp_ratio=self.mlp_ratio,
            activation=self.activation,
            norm_epsilon=self.norm_epsilon,
            attention=self.attention,
            scan=self.scan,
            remat=self.remat,
            dtype=dtype,
            name="trunk",
        )(jnp.concatenate([pooled, patches], axis=1), train=False, segments=segments)
        return linear(self.out, dtype, "output")(tokens[:, first:]).astype(jnp.float32)


class Predictor(nn.Module):
    """I-JEPA's predictor: the context and one block of mask tokens through a narrow transformer.

    Tokens are told apart by their fixed positions. Each block is predicted on its own, from the
    same context.

    Args (fields):
      grid: patches along each axis of the whole example.
      out: width of the predicted features.
      width, depth, heads: of the predictor's transformer.
      positions: "sincos", or one of `ssljax.models.positions.ROTARY`: then queries and keys are
        turned, and nothing is added to tokens.
      mask_tokens: how many there are, for masks of several kinds. A single one starts with a
        standard deviation of 0.02 (I-JEPA), several start at 0 (V-JEPA).
      mlp_ratio, activation, qkv_bias, norm_epsilon, kernel_init, attention, scan, remat: see
        `Transformer`.
      dtype: "float32" or "bfloat16"; the output is float32.

    Assran et al. 2023, arXiv:2301.08243; facebookresearch/ijepa, src/models/vision_transformer.py
    (VisionTransformerPredictor). Bardes et al. 2024, arXiv:2404.08471; facebookresearch/jepa,
    src/models/predictor.py.
    """

    grid: tuple[int, ...]
    out: int
    width: int = 384
    depth: int = 12
    heads: int = 12
    positions: str = "sincos"
    mask_tokens: int = 1
    mlp_ratio: float = 4.0
    activation: str = "gelu"
    qkv_bias: bool = True
    norm_epsilon: float = 1e-6
    kernel_init: str = "xavier"
    attention: str = "auto"
    scan: bool = True
    remat: str = "none"
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, tokens: jax.Array, context: jax.Array, targets: jax.Array, kind: int = 0
    ) -> jax.Array:
        """Predict the features at the targets.

        Args:
          tokens: [B, C, D], the encoder's, of the context.
          context: int32[B, C], the row-major indices of their patches.
          targets: int32[B, T, K], those of the patches of T blocks.
          kind: which of the mask tokens to use, modulo their number.

        Returns:
          float32[B, T, K, out].
        """
        dtype, blocks, size = compute_dtype(self.dtype), *targets.shape[1:]
        init = block_initializer(self.kernel_init)
        places = jnp.concatenate(
            [repeat(context, "b c -> (b t) c", t=blocks), rearrange(targets, "b t k -> (b t) k")], 1
        )
        seen = linear(self.width, dtype, "embed", init)(tokens.astype(dtype))
        seen = repeat(seen, "b c d -> (b t) c d", t=blocks)
        several = self.mask_tokens > 1
        shape = (self.mask_tokens, self.width) if several else (self.width,)
        token_init = nn.initializers.zeros if several else nn.initializers.normal(0.02)
        mask_token = self.param("mask_token", token_init, shape).astype(dtype)
        mask_token = mask_token[kind % self.mask_tokens] if several else mask_token
        hidden = jnp.broadcast_to(mask_token, (len(seen), size, self.width))
        x, angles = jnp.concatenate([seen, hidden], axis=1), None
        if self.positions in ROTARY:
            angles = ROTARY[self.positions](
                cells(self.grid, self.grid)[0], self.width // self.heads
            )
            angles = angles[places]
        else:
            x = x + jnp.asarray(sincos(self.grid, self.width), dtype)[places]
        tokens = Transformer(
            depth=self.depth,
            heads=self.heads,
            mlp_ratio=self.mlp_ratio,
            activation=self.activation,
            qkv_bias=self.qkv_bias,
            norm_epsilon=self.norm_epsilon,
            kernel_init=self.kernel_init,
            attention=self.attention,
            scan=self.scan,
            remat=self.remat,
            dtype=dtype,
            name="trunk",
        )(x, train=False, angles=angles)
        predicted = linear(self.out, dtype, "output", init)(tokens[:, -size:]).astype(jnp.float32)
        return rearrange(predicted, "(b t) k d -> b t k d", t=blocks)


class ConvDecoder(nn.Module):
    """data2vec 2.0's decoder: convolutions on the grid of patches, visible and hidden alike.

    A layer is a convolution, a LayerNorm without parameters and a GELU, and adds its input where
    that has as many channels. Weights start as PyTorch's do.

    Args (fields):
      grid: patches along each axis.
      out: values per patch.
      width: channels of the layers.
      depth: number of layers.
      kernel: side of the convolutions.
      groups: of channels, each convolved on its own; they divide `width` and the input's channels.
      dtype: "float32" or "bfloat16" for the products; the output is float32.

    Baevski et al. 2022, arXiv:2212.07525; facebookresearch/fairseq,
    examples/data2vec/models/modalities/modules.py (Decoder2d).
    """

    grid: tuple[int, ...]
    out: int
    width: int = 768
    depth: int = 6
    kernel: int = 3
    groups: int = 16
    dtype: str = "float32"

    @nn.compact
    def __call__(self, tokens: jax.Array) -> jax.Array:
        """Map tokens[B, N, D], row-major, to float32[B, N, out]."""
        dtype = compute_dtype(self.dtype)
        if tokens.shape[2] % self.groups or self.width % self.groups:
            raise ValueError(
                f"groups must divide the {tokens.shape[2]} channels of the tokens and the width "
                f"{self.width}, got {self.groups}"
            )
        x = tokens.astype(dtype).reshape(len(tokens), *self.grid, -1)
        init = kernel_initializer("torch")
        for i in range(self.depth):
            fan_in = self.kernel ** len(self.grid) * x.shape[-1] // self.groups
            y = nn.Conv(
                self.width,
                (self.kernel,) * len(self.grid),
                feature_group_count=self.groups,
                conv_general_dilated=grouped_convolution,
                dtype=dtype,
                kernel_init=init,
                bias_init=bias_initializer("torch", fan_in),
                name=f"conv_{i}",
            )(x)
            y = gelu(standardize(y).astype(dtype))
            x = x + y if x.shape == y.shape else y
        bias_init = bias_initializer("torch", self.width)
        output = linear(self.out, dtype, "output", init, bias_init)
        return output(x.reshape(*tokens.shape[:2], -1)).astype(jnp.float32)
