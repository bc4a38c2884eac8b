"""The network that judges pairs of an image and a code."""

import jax
import jax.numpy as jnp
from einops import rearrange
from flax import linen as nn

from ssljax.models.base import compute_dtype

_SLOPE = 0.2  # of the leaky relu below zero


class PairDiscriminator(nn.Module):
    """Logits for pairs (x, z): convolutions of stride 2 on x, then an MLP of what they give and z.

    Without normalisation, so that a pair is judged by itself.

    Args (fields):
      width: channels of the first convolution, doubled at every further one.
      halvings: 4x4 convolutions of stride 2, which halve the image.
      hidden: width of the hidden layer.
      dtype: "float32" or "bfloat16" for the products; the logits are float32.

    Donahue et al. 2016, arXiv:1605.09782, on the convolutions of DCGAN, arXiv:1511.06434.
    """

    width: int = 64
    halvings: int = 2
    hidden: int = 1024
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: jax.Array, z: jax.Array) -> jax.Array:
        """Map x[B, H, W, C] and z[B, D] to float32[B]."""
        dtype = compute_dtype(self.dtype)
        x = x.astype(dtype)
        for i in range(self.halvings):
            features = self.width * 2**i
            x = nn.Conv(features, (4, 4), strides=2, dtype=dtype, name=f"conv_{i}")(x)
            x = nn.leaky_relu(x, _SLOPE)
        both = jnp.concatenate([rearrange(x, "b h w c -> b (h w c)"), z.astype(dtype)], axis=1)
        both = nn.leaky_relu(nn.Dense(self.hidden, dtype=dtype, name="hidden")(both), _SLOPE)
        return nn.Dense(1, dtype=dtype, name="output")(both)[:, 0].astype(jnp.float32)
