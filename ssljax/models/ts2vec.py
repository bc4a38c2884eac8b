"""The encoder of TS2Vec: dilated convolutions over a time series."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from ssljax.errors import UserError
from ssljax.models.base import Encoded, compute_dtype
from ssljax.models.initializers import bias_initializer, kernel_initializer
from ssljax.models.transformer import gelu
from ssljax.schema import Decay, Depth, Dtype, Width


class TS2Vec(nn.Module):
    """A linear map of each step, residual blocks of growing dilation, a feature vector per step.

    Block i = 0, 1, ... is x + conv(gelu(conv(gelu(x)))), both of kernel 3 and dilation 2^i; after
    `depth` of them one more widens to `out`, with a linear map on its shortcut. The features of a
    series are the maximum over its steps.

    Args (fields):
      hidden: channels of the blocks.
      out: width of the features.
      depth: number of blocks before the last.
      dropout: share of the last block's output that is set to 0 in training.
      dtype: "float32" or "bfloat16" for the products; pooled features are float32.

    Yue et al. 2021, arXiv:2106.10466; zhihanyue/ts2vec, models/encoder.py (TSEncoder), models/
    dilated_conv.py. Weights start as PyTorch's do.
    """

    hidden: Width = 64
    out: Width = 320
    depth: Depth = 10
    dropout: Decay = 0.1
    dtype: Dtype = "float32"

    modality: ClassVar[str] = "series"
    patch: ClassVar[tuple[int, ...]] = ()

    def grid(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the number of steps of a series (steps, channels)."""
        if len(shape) != 2:
            raise UserError(f"the encoder of TS2Vec takes series [T, C], got {list(shape)}")
        return shape[:1]

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        *,
        train: bool,
        masked: jax.Array | None = None,
        segments: jax.Array | None = None,
    ) -> Encoded:
        """Encode series x[B, T, C], already normalised.

        Args:
          x: steps that are not known are nan in any channel, and hidden.
          train: whether dropout acts.
          masked: bool[B, T], steps that are hidden: 0 after the first map.
          segments: int32[B, T], 0 for padding, which is hidden and left out of the maximum.

        Returns:
          `tokens` [B, T, out] of the steps.
        """
        self.grid(x.shape[1:])
        dtype = compute_dtype(self.dtype)
        known = ~jnp.isnan(x).any(axis=-1)
        x = _linear(self.hidden, "input", dtype, jnp.where(known[..., None], x, 0))
        for hidden in (masked, None if segments is None else segments == 0):
            known = known if hidden is None else known & ~hidden
        x = jnp.where(known[..., None], x, 0)
        for i in range(self.depth + 1):
            last = i == self.depth
            width = self.out if last else self.hidden
            shortcut = _linear(width, "shortcut", dtype, x) if last else x
            for j in (1, 2):
                x = _convolution(width, 2**i, f"block_{i}_conv_{j}", dtype, gelu(x))
            x = x + shortcut
        x = nn.Dropout(self.dropout, deterministic=not train)(x)
        seen = x if segments is None else jnp.where(segments[..., None] > 0, x, -jnp.inf)
        pooled = seen.max(axis=1)
        return Encoded(jnp.where(jnp.isfinite(pooled), pooled, 0).astype(jnp.float32), x)


def _linear(width: int, name: str, dtype: jnp.dtype, x: jax.Array) -> jax.Array:
    return nn.Dense(
        width,
        dtype=dtype,
        kernel_init=kernel_initializer("torch"),
        bias_init=bias_initializer("torch", x.shape[-1]),
        name=name,
    )(x)


def _convolution(width: int, dilation: int, name: str, dtype: jnp.dtype, x: jax.Array) -> jax.Array:
    return nn.Conv(
        width,
        (3,),
        kernel_dilation=(dilation,),
        dtype=dtype,
        kernel_init=kernel_initializer("torch"),
        bias_init=bias_initializer("torch", 3 * x.shape[-1]),
        name=name,
    )(x)
