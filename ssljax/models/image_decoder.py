"""From features to an image: of a vector, or of a grid of tokens."""

import math

import jax
import jax.numpy as jnp
from einops import rearrange
from flax import linen as nn

from ssljax.models.base import compute_dtype
from ssljax.models.normalization import BatchNorm


class ImageDecoder(nn.Module):
    """A vector to an image: a linear map to a small grid, which is doubled until it is the image.

    A doubling is a 3x3 convolution to four times the channels, which then become 2x2 pixels. It is
    what a transposed convolution of stride 2 does, without the zeros in between (Shi et al. 2016,
    arXiv:1609.07009). Channels halve at each, as in DCGAN (arXiv:1511.06434).

    Args (fields):
      image: (height, width, channels), of any size; a grid that comes out larger is cut.
      width: channels of the last map; the first has 2^doublings times as many.
      doublings: 2 for 28 pixels (from 7), 4 for 64, 5 for 224.
      norm: whether every map has a BatchNorm, as a generator's.
      dtype: "float32" or "bfloat16" for the products; the output is float32.
    """

    image: tuple[int, int, int]
    width: int = 32
    doublings: int = 2
    norm: bool = False
    dtype: str = "float32"

    @nn.compact
    def __call__(self, z: jax.Array, *, train: bool) -> jax.Array:
        """Map z[B, D] to float32[B, *image]."""
        dtype = compute_dtype(self.dtype)
        height, width, channels = self.image
        rows, columns = (-(-side // 2**self.doublings) for side in (height, width))
        features = self.width * 2**self.doublings
        x = nn.Dense(rows * columns * features, dtype=dtype, name="embed")(z)
        x = rearrange(x, "b (h w c) -> b h w c", h=rows, w=columns)
        for i in range(self.doublings):
            x = self._activate(x, i, train)
            features //= 2
            x = _convolution(4 * features, 3, dtype, f"conv_{i}")(x)
            x = rearrange(x, "b h w (p q c) -> b (h p) (w q) c", p=2, q=2)
        x = self._activate(x, self.doublings, train)
        x = _convolution(channels, 3, dtype, "output")(x)
        return x[:, :height, :width].astype(jnp.float32)

    def _activate(self, x: jax.Array, number: int, train: bool) -> jax.Array:
        return nn.relu(BatchNorm(name=f"norm_{number}")(x, train=train) if self.norm else x)


class GridDecoder(nn.Module):
    """Tokens on a square grid to an image: residual blocks on the grid, then each cell's pixels.

    Blocks are relu, 3x3, relu, 1x1, as in VQ-VAE. Its two transposed convolutions, which suit cells
    of 4 pixels, are one linear map to the pixels of a cell of any size.

    Args (fields):
      image: (height, width, channels). Where the side of the grid does not divide it, cells are
        rounded up and the last ones cut.
      width: channels on the grid.
      blocks: residual blocks.
      dtype: "float32" or "bfloat16" for the products; the output is float32.

    van den Oord et al. 2017, arXiv:1711.00937, section 4.1.
    """

    image: tuple[int, int, int]
    width: int = 256
    blocks: int = 2
    dtype: str = "float32"

    @nn.compact
    def __call__(self, tokens: jax.Array) -> jax.Array:
        """Map tokens[B, N, D], in row-major order, to float32[B, *image]."""
        dtype = compute_dtype(self.dtype)
        height, width, channels = self.image
        side = math.isqrt(tokens.shape[1])
        if side**2 != tokens.shape[1]:
            raise ValueError(f"tokens must be a square grid, got {tokens.shape[1]} of them")
        p, q = -(-height // side), -(-width // side)
        x = rearrange(tokens, "b (h w) d -> b h w d", h=side)
        x = _convolution(self.width, 3, dtype, "embed")(x)
        for i in range(self.blocks):
            y = _convolution(self.width, 3, dtype, f"block_{i}_conv_0")(nn.relu(x))
            x = x + _convolution(self.width, 1, dtype, f"block_{i}_conv_1")(nn.relu(y))
        x = nn.Dense(p * q * channels, dtype=dtype, name="output")(nn.relu(x))
        x = rearrange(x, "b h w (p q c) -> b (h p) (w q) c", p=p, q=q)
        return x[:, :height, :width].astype(jnp.float32)


def _convolution(features: int, kernel: int, dtype: jnp.dtype, name: str) -> nn.Conv:
    return nn.Conv(features, (kernel, kernel), dtype=dtype, name=name)
