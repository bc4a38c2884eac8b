"""CPC's encoder: strided convolutions over time, and a recurrent network over what they find."""

import math
from typing import Annotated, ClassVar, Literal

import jax
import jax.numpy as jnp
from flax import linen as nn

from ssljax.errors import UserError
from ssljax.models.base import Encoded, compute_dtype
from ssljax.models.initializers import bias_initializer, kernel_initializer
from ssljax.schema import Count, Dtype, NotEmpty, Width

Strides = Annotated[tuple[Count, ...], NotEmpty()]


class Recurrent(nn.Module):
    """Strided convolutions with ReLU, then a GRU that runs forward in time; abstract.

    With z_1 ... z_N what the convolutions make of an input, the context c_n is the state of the GRU
    after z_n: it knows nothing later than z_n. Convolutions are padded so that an input of whole
    strides gives one z for each. The features of an example are the mean of its contexts.

    Args (fields):
      channels: of the convolutions, the width of z.
      context: width of the GRU's state.
      kernels: of the convolutions, in steps.
      strides: of the convolutions, as many as kernels, each at most its kernel.
      norm: between a convolution and its ReLU: "none" (the paper), or "layer", of the channels of a
        time, which no other time changes (Riviere et al. 2020, ChannelNorm).
      dtype: "float32" or "bfloat16" for the products; pooled features are float32.

    van den Oord et al. 2018, arXiv:1807.03748, section 3.1; Riviere et al. 2020, arXiv:2002.02848;
    facebookresearch/CPC_audio, cpc/model.py (CPCEncoder, CPCAR). Weights start as PyTorch's do; its
    ChannelNorm has the unbiased variance, this the biased one.
    """

    channels: Width = 512
    context: Width = 256
    kernels: Strides = (10, 8, 4, 4, 4)
    strides: Strides = (5, 4, 2, 2, 2)
    norm: Literal["none", "layer"] = "none"
    dtype: Dtype = "float32"

    modality: ClassVar[str]
    patch: ClassVar[tuple[int, ...]] = ()

    def check_fields(self) -> None:
        """Raise a UserError unless kernels and strides fit each other."""
        fits = len(self.kernels) == len(self.strides) and all(
            stride <= kernel for kernel, stride in zip(self.kernels, self.strides, strict=True)
        )
        if not fits:
            raise UserError(
                f"encoder.strides={self.strides} must be as many as "
                f"encoder.kernels={self.kernels}, and each at most its kernel"
            )

    @property
    def hop(self) -> int:
        """Steps of the input from one z to the next."""
        return math.prod(self.strides)

    def grid(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the number N of times of an example of that shape.

        Raises:
          UserError: it is too short for one.
        """
        times = shape[0]
        for kernel, stride in zip(self.kernels, self.strides, strict=True):
            times = (times + sum(_padding(kernel, stride)) - kernel) // stride + 1
            if times < 1:
                raise UserError(
                    f"encoder.strides={self.strides} leave nothing of {shape[0]} steps; give at "
                    f"least {self.hop}"
                )
        return (times,)

    @nn.compact
    def __call__(self, x: jax.Array, *, local: bool = False) -> Encoded:
        """Encode examples, already normalised.

        Args:
          x: waves [B, S], or [B, T, C]; values that are missing (nan) are 0.
          local: whether z is returned too.

        Returns:
          `tokens` [B, N, context], the contexts, and `local` [B, N, channels].
        """
        self.grid(x.shape[1:])
        dtype = compute_dtype(self.dtype)
        x = x[..., None] if x.ndim == 2 else x
        x = jnp.where(jnp.isnan(x), 0, x).astype(dtype)
        for i, (kernel, stride) in enumerate(zip(self.kernels, self.strides, strict=True)):
            x = nn.Conv(
                self.channels,
                (kernel,),
                (stride,),
                padding=[_padding(kernel, stride)],
                dtype=dtype,
                kernel_init=kernel_initializer("torch"),
                bias_init=bias_initializer("torch", kernel * x.shape[-1]),
                name=f"conv_{i}",
            )(x)
            if self.norm == "layer":
                x = nn.LayerNorm(1e-5, dtype=dtype, name=f"norm_{i}")(x)
            x = nn.relu(x)
        cell = nn.GRUCell(
            self.context,
            dtype=dtype,
            kernel_init=kernel_initializer("torch"),
            recurrent_kernel_init=kernel_initializer("torch"),
            bias_init=bias_initializer("torch", self.context),
            name="gru",
        )
        context = nn.RNN(cell, name="rnn")(x)
        pooled = context.astype(jnp.float32).mean(axis=1)
        return Encoded(pooled, context.astype(dtype), local=x if local else None)


class AudioGRU(Recurrent):
    """CPC's encoder of waves [S], one vector for 160 samples; or of spectrograms [T, F].

    The defaults are those of waves of 16 kHz. See `Recurrent`.
    """

    modality: ClassVar[str] = "audio"


class SeriesGRU(Recurrent):
    """CPC's encoder of time series [T, C]. See `Recurrent`."""

    channels: Width = 64
    context: Width = 64
    kernels: Strides = (4, 4)
    strides: Strides = (2, 2)

    modality: ClassVar[str] = "series"


def _padding(kernel: int, stride: int) -> tuple[int, int]:
    """Return what is added before and after, so that whole strides are kept."""
    return (kernel - stride + 1) // 2, (kernel - stride) // 2
