"""Frames of a waveform, each a token: the convolutions of wav2vec 2.0."""

import math

import jax
import jax.numpy as jnp
from flax import linen as nn

from ssljax.models.base import Frames
from ssljax.models.initializers import bias_initializer, kernel_initializer
from ssljax.models.transformer import LayerNorm, gelu

KERNELS = (10, 3, 3, 3, 3, 2, 2)
STRIDES = (5, 2, 2, 2, 2, 2, 2)
HOP = math.prod(STRIDES)  # 320 samples: 20 ms at 16 kHz
SEEN = 400  # samples that a frame is made of
NORMS = ("group", "layer")


class WaveEmbed(nn.Module):
    """Seven convolutions without padding, each with a GELU, a LayerNorm and a linear map.

    Kernels start as He et al.'s normal ones.

    Args (fields):
      channels: of the convolutions.
      width: size of a token.
      dtype: compute dtype.
      norm: "group": the first convolution is followed by a normalisation of each channel over time
        (fairseq's mode "default"). "layer": each is followed by a LayerNorm of the channels (mode
        "layer_norm").
      bias: whether convolutions have one.
      gradient: factor of the gradient that the convolutions get (fairseq's feature_grad_mult).
      norm_epsilon: of the norm before the linear map.

    Baevski et al. 2020, arXiv:2006.11477; facebookresearch/fairseq,
    fairseq/models/wav2vec/wav2vec2.py (ConvFeatureExtractionModel).
    """

    channels: int
    width: int
    dtype: jnp.dtype
    norm: str = "group"
    bias: bool = False
    gradient: float = 1.0
    norm_epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, Frames]:
        """Map x[B, S, C] to tokens[B, N, width], N = `frames(S)`, and the frames before."""
        for i, (kernel, stride) in enumerate(zip(KERNELS, STRIDES, strict=True)):
            x = nn.Conv(
                self.channels,
                (kernel,),
                stride,
                "VALID",
                use_bias=self.bias,
                dtype=self.dtype,
                kernel_init=nn.initializers.he_normal(),
                bias_init=bias_initializer("torch", kernel * x.shape[-1]),
                name=f"conv_{i}",
            )(x)
            if self.norm == "layer":
                x = LayerNorm(1e-5, dtype=self.dtype, name=f"norm_{i}")(x)
            elif i == 0:
                norm = nn.GroupNorm(
                    None, group_size=1, epsilon=1e-5, dtype=self.dtype, use_fast_variance=False
                )
                x = norm.copy(name="norm_0")(x)
            x = gelu(x)
        if self.gradient != 1:
            fixed = jax.lax.stop_gradient(x)
            x = fixed + self.gradient * (x - fixed) if self.gradient else fixed
        normalised = LayerNorm(self.norm_epsilon, dtype=self.dtype, name="layer_norm")(x)
        linear = nn.Dense(
            self.width,
            dtype=self.dtype,
            kernel_init=kernel_initializer("torch"),
            bias_init=bias_initializer("torch", self.channels),
            name="linear",
        )
        return linear(normalised), Frames(x, normalised)


def frames(samples: int) -> int:
    """Return the number of tokens of so many samples, 0 where there are too few for one.

    >>> frames(16000)
    49
    """
    for kernel, stride in zip(KERNELS, STRIDES, strict=True):
        samples = max((samples - kernel) // stride + 1, 0)
    return samples
