"""From raw input to tokens."""

import jax
import jax.numpy as jnp
from einops import rearrange
from flax import linen as nn

from ssljax.models.initializers import bias_initializer, kernel_initializer


class PatchEmbed(nn.Module):
    """Image to tokens: cut into patches, one linear map for all.

    The same function as a convolution with kernel and stride P, but a single matrix product.
    Patches come in row-major order and their values in the order (row, column, channel), MAE's
    layout; a convolution's kernel [P, P, C, width] becomes the kernel here by flattening its first
    three axes.

    Args (fields):
      patch_size: P, the side of a patch in pixels.
      width: size of a token.
      dtype: compute dtype.
      linear_init: how the map starts, a name of `ssljax.models.initializers.KERNELS`.
    """

    patch_size: int
    width: int
    dtype: jnp.dtype
    linear_init: str = "xavier"

    @nn.compact
    def __call__(self, images: jax.Array) -> jax.Array:
        """Map images[B, H, W, C] to tokens[B, H W / P^2, width]."""
        p = self.patch_size
        patches = rearrange(images, "b (h p) (w q) c -> b (h w) (p q c)", p=p, q=p)
        dense = nn.Dense(
            self.width,
            dtype=self.dtype,
            kernel_init=kernel_initializer(self.linear_init, "patch_init"),
            bias_init=bias_initializer(self.linear_init, patches.shape[-1]),
            name="linear",
        )
        return dense(patches)


def patch_grid(height: int, width: int, patch_size: int) -> tuple[int, int]:
    """Return the (rows, columns) of patches in an image of height x width pixels.

    Raises:
      ValueError: the patches do not tile the image.
    """
    if patch_size < 1 or height % patch_size or width % patch_size:
        raise ValueError(
            f"patch_size must divide the image of {height} x {width} pixels, got {patch_size}"
        )
    return height // patch_size, width // patch_size
