"""The convolutional encoder of BYOL-A: spectrograms to features."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from einops import rearrange
from flax import linen as nn

from ssljax.errors import UserError
from ssljax.models.base import Encoded, compute_dtype
from ssljax.models.convolution import convolution
from ssljax.models.initializers import bias_initializer, kernel_initializer
from ssljax.models.normalization import BatchNorm
from ssljax.schema import Count, Decay, Dtype, Width

_CELLS = "b (t i) (f j) c -> (i j) b t f c"


class AudioConvolutions(nn.Module):
    """Blocks of a 3x3 convolution, BatchNorm, ReLU and 2x2 max-pooling; then a map of each time.

    What the blocks leave of the bands of a time is flattened and passes two layers with a ReLU; the
    features of a sound are the mean over times plus the maximum over times.

    Args (fields):
      channels: of the convolutions.
      blocks: number of them; each halves frames and bands.
      out: width of the features.
      dropout: between the two layers.
      bn_momentum: of every BatchNorm.
      dtype: "float32" or "bfloat16" for the products; pooled features are float32.

    Niizumi et al. 2021, arXiv:2103.06695; nttcslab/byol-a, byol_a/models.py (AudioNTT2020), whose
    defaults these are. Convolutions have no bias, as BatchNorm follows.
    """

    channels: Width = 64
    blocks: Count = 3
    out: Width = 2048
    dropout: Decay = 0.3
    bn_momentum: Decay = 0.9
    dtype: Dtype = "float32"

    modality: ClassVar[str] = "audio"
    patch: ClassVar[tuple[int, ...]] = ()

    def grid(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the number of times that the blocks leave of a spectrogram (frames, bands)."""
        if len(shape) != 2:
            raise UserError(
                f"audio_convolutions takes spectrograms [T, F], got {list(shape)}; set "
                "config.data.sound='log_mel'"
            )
        least = 2**self.blocks
        if min(shape) < least:
            raise UserError(
                f"encoder.blocks={self.blocks} needs at least {least} frames and bands; a "
                f"spectrogram here has {shape[0]} and {shape[1]}"
            )
        return (shape[0] // least,)

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> Encoded:
        """Encode spectrograms x[B, T, F], already normalised.

        Args:
          x: a batch.
          train: whether dropout acts, and BatchNorm uses the statistics of the batch.

        Returns:
          `tokens` [B, N, out] of the times that the blocks leave.
        """
        self.grid(x.shape[1:])
        dtype = compute_dtype(self.dtype)
        x = x[..., None].astype(dtype)
        for i in range(self.blocks):
            x = convolution(self.channels, 3, 1, dtype=dtype, name=f"conv_{i}")(x)
            x = nn.relu(BatchNorm(momentum=self.bn_momentum, name=f"norm_{i}")(x, train=train))
            x = halved(x)
        x = x.reshape(*x.shape[:2], -1)
        x = nn.relu(self._linear("linear_0", x, dtype))
        x = nn.Dropout(self.dropout, deterministic=not train)(x)
        x = nn.relu(self._linear("linear_1", x, dtype))
        wide = x.astype(jnp.float32)
        return Encoded(wide.mean(axis=1) + wide.max(axis=1), x)

    def _linear(self, name: str, x: jax.Array, dtype: jnp.dtype) -> jax.Array:
        return nn.Dense(
            self.out,
            dtype=dtype,
            kernel_init=kernel_initializer("torch"),
            bias_init=bias_initializer("torch", x.shape[-1]),
            name=name,
        )(x)


def halved(x: jax.Array) -> jax.Array:
    """Return the maxima of 2x2 cells of x[B, T, F, C]; a last odd row or column is left out.

    They are those of `nn.max_pool`, and so is the gradient, which of equal values, as in silence,
    goes to the first; but `nn.max_pool`'s takes about three times as long on CPUs.
    """
    cells = rearrange(x[:, : x.shape[1] // 2 * 2, : x.shape[2] // 2 * 2], _CELLS, i=2, j=2)
    first, *others = cells
    for other in others:
        first = jnp.where(other > first, other, first)
    return first
