"""Patches of a series, an image, a spectrogram or a video, each mapped to a token."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from flax import linen as nn

from ssljax.errors import UserError
from ssljax.models.base import compute_dtype
from ssljax.models.initializers import bias_initializer, kernel_initializer
from ssljax.models.positions import sincos
from ssljax.ops.patches import patchify


class PlacedPatches(nn.Module):
    """Patches as tokens with fixed positions: a stem beside that of an encoder.

    Args (fields):
      patch: the sides of a patch.
      width: size of a token.
      dtype: "float32" or "bfloat16".
    """

    patch: tuple[int, ...]
    width: int
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Map x[B, H, W, C] to tokens[B, N, width], row-major."""
        dtype = compute_dtype(self.dtype)
        tokens = PatchEmbed(self.patch, self.width, dtype, name="patch_embed")(x.astype(dtype))
        grid = tuple(side // own for side, own in zip(x.shape[1:-1], self.patch, strict=True))
        return tokens + jnp.asarray(sincos(grid, self.width), dtype)


class PatchEmbed(nn.Module):
    """Cut into patches, one linear map for all.

    The same function as a convolution with kernel and stride P, but a single matrix product.
    Patches come in row-major order and their values in the order (row, column, channel), MAE's
    layout; a convolution's kernel [P, P, C, width] becomes the kernel here by flattening its first
    three axes.

    Args (fields):
      patch: the sides of a patch, one for each axis but the channels'.
      width: size of a token.
      dtype: compute dtype.
      linear_init: how the map starts, a name of `ssljax.models.initializers.KERNELS`.
      use_bias: whether the map has a bias.
    """

    patch: tuple[int, ...]
    width: int
    dtype: jnp.dtype
    linear_init: str = "xavier"
    use_bias: bool = True

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Map x[B, S1, ..., Sn, C] to tokens[B, S1 ... Sn / (P1 ... Pn), width]."""
        patches = patchify(x, patch=self.patch)
        dense = nn.Dense(
            self.width,
            use_bias=self.use_bias,
            dtype=self.dtype,
            kernel_init=kernel_initializer(self.linear_init, "patch_init"),
            bias_init=bias_initializer(self.linear_init, patches.shape[-1]),
            name="linear",
        )
        return dense(patches)


def tiles(what: str, size: Mapping[str, int], patch: Mapping[str, int]) -> tuple[int, ...]:
    """Return how many patches fit along each axis of an example.

    Args:
      what: the kind of example, for the error.
      size: length of each axis by its unit, such as {"rows": 224, "columns": 224}.
      patch: side of a patch along each of these axes, by the encoder's field that sets it; one
        field stands for all the axes that are left.

    Raises:
      UserError: they do not tile it.

    >>> tiles("images", {"rows": 8, "columns": 12}, {"patch_size": 4})
    (2, 3)
    """
    keys = list(patch) + [list(patch)[-1]] * (len(size) - len(patch))
    for key, (unit, length) in zip(keys, size.items(), strict=True):
        if patch[key] < 1 or length % patch[key]:
            shape = " x ".join(f"{length} {unit}" for unit, length in size.items())
            raise UserError(
                f"encoder.{key}={patch[key]} must divide the {length} {unit} of {what} of {shape}"
            )
    return tuple(length // patch[key] for key, length in zip(keys, size.values(), strict=True))
