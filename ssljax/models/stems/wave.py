"""Frames of a waveform, each a token: the convolutions of wav2vec 2.0."""

import math

import jax
import jax.numpy as jnp
from flax import linen as nn

from ssljax.models.transformer import gelu

KERNELS = (10, 3, 3, 3, 3, 2, 2)
STRIDES = (5, 2, 2, 2, 2, 2, 2)
HOP = math.prod(STRIDES)  # 320 samples: 20 ms at 16 kHz


class WaveEmbed(nn.Module):
    """Seven convolutions without padding, each with a GELU, a LayerNorm and a linear map.

    The first is followed by a normalisation of each channel over time. Kernels start as He et al.'s
    normal ones, biases there are none but in the last map.

    Args (fields):
      channels: of the convolutions.
      width: size of a token.
      dtype: compute dtype.

    Baevski et al. 2020, arXiv:2006.11477; facebookresearch/fairseq,
    fairseq/models/wav2vec/wav2vec2.py (ConvFeatureExtractionModel, mode "default").
    """

    channels: int
    width: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Map x[B, S, C] to tokens[B, N, width], N = `frames(S)`."""
        init = nn.initializers.he_normal()
        for i, (kernel, stride) in enumerate(zip(KERNELS, STRIDES, strict=True)):
            shape = (kernel, x.shape[-1], self.channels)
            weights = self.param(f"conv_{i}", init, shape).astype(self.dtype)
            x = jax.lax.conv_general_dilated(
                x.astype(self.dtype), weights, (stride,), "VALID", dimension_numbers=DIMENSIONS
            )
            if i == 0:
                norm = nn.GroupNorm(None, group_size=1, epsilon=1e-5, dtype=self.dtype)
                x = norm.copy(name="norm")(x)
            x = gelu(x)
        x = nn.LayerNorm(1e-5, dtype=self.dtype, name="layer_norm")(x)
        return nn.Dense(self.width, dtype=self.dtype, name="linear")(x)


DIMENSIONS = ("NWC", "WIO", "NWC")


def frames(samples: int) -> int:
    """Return the number of tokens of so many samples, 0 where there are too few for one.

    >>> frames(16000)
    49
    """
    for kernel, stride in zip(KERNELS, STRIDES, strict=True):
        samples = max((samples - kernel) // stride + 1, 0)
    return samples
