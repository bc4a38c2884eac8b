"""The encoder of pixel observations of CURL and SAC+AE: few convolutions and a small vector."""

from typing import ClassVar

import jax
from flax import linen as nn

from ssljax.errors import UserError
from ssljax.models.base import Encoded, compute_dtype
from ssljax.models.initializers import bias_initializer, kernel_initializer
from ssljax.models.transformer import LayerNorm
from ssljax.schema import Depth, Dtype, Width


class PixelConvolutions(nn.Module):
    """3x3 convolutions without padding, the first of stride 2, with ReLUs; a linear map of all that
    they leave, and a LayerNorm. Weights start as PyTorch's do.

    Args (fields):
      channels: of each convolution.
      depth: number of them.
      out: width of the features.
      norm_epsilon: of the LayerNorm.
      dtype: "float32" or "bfloat16" for the products; pooled features are float32.

    Laskin et al. 2020, arXiv:2004.04136; MishaLaskin/curl, encoder.py (PixelEncoder with
    output_logits), whose defaults these are, but for orthogonal kernels.
    """

    channels: Width = 32
    depth: Depth = 4
    out: Width = 50
    norm_epsilon: float = 1e-5
    dtype: Dtype = "float32"

    modality: ClassVar[str] = "image"
    patch: ClassVar[tuple[int, ...]] = ()

    def grid(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the (rows, columns) that the convolutions leave of an image (H, W, C)."""
        sides = tuple((side - 3) // 2 + 1 - 2 * (self.depth - 1) for side in shape[:2])
        if len(shape) != 3 or min(sides) < 1:
            raise UserError(
                f"encoder.depth={self.depth} leaves nothing of images of the shape {list(shape)}: "
                f"they need {4 * self.depth - 1} pixels or more at each side"
            )
        return sides

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> Encoded:
        """Encode images x[B, H, W, C]; `tokens` are those of the last convolution."""
        del train  # nothing differs
        self.grid(x.shape[1:])
        dtype, init = compute_dtype(self.dtype), kernel_initializer("torch")
        x = x.astype(dtype)
        for i in range(self.depth):
            x = nn.Conv(
                self.channels,
                (3, 3),
                strides=2 if i == 0 else 1,
                padding="VALID",
                dtype=dtype,
                kernel_init=init,
                bias_init=bias_initializer("torch", 9 * x.shape[-1]),
                name=f"conv_{i}",
            )(x)
            x = nn.relu(x)
        tokens = x.reshape(len(x), -1, self.channels)
        flat = x.reshape(len(x), -1)
        bias_init = bias_initializer("torch", flat.shape[1])
        linear = nn.Dense(self.out, dtype=dtype, kernel_init=init, bias_init=bias_init, name="fc")
        pooled = LayerNorm(self.norm_epsilon, name="norm")(linear(flat))
        return Encoded(pooled.astype("float32"), tokens)
