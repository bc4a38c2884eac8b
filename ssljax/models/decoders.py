"""From tokens back to the input."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from ssljax.models.base import Encoded, compute_dtype
from ssljax.models.positions import sincos2d
from ssljax.models.transformer import Transformer, linear


class MAEDecoder(nn.Module):
    """MAE's decoder: mask tokens for hidden patches, positions, a small transformer, a linear map.

    The encoder's pooled vector goes in front as one more token and is dropped at the end. With
    `pool="cls"` that is the official model exactly; with "mean" it is a summary of the visible
    patches.

    Args (fields):
      grid: (rows, columns) of patches of the whole image.
      out: values per patch, patch_size^2 times channels for pixels.
      width, depth, heads: of the decoder's transformer.
      mlp_ratio, activation, norm_epsilon, scan, remat: see `Transformer`.
      dtype: "float32" or "bfloat16"; the output is float32.

    He et al. 2021, arXiv:2111.06377; facebookresearch/mae, models_mae.py.
    """

    grid: tuple[int, int]
    out: int
    width: int = 512
    depth: int = 8
    heads: int = 16
    mlp_ratio: float = 4.0
    activation: str = "gelu"
    norm_epsilon: float = 1e-6
    scan: bool = True
    remat: str = "none"
    dtype: str = "float32"

    @nn.compact
    def __call__(self, encoded: Encoded, restore: jax.Array) -> jax.Array:
        """Predict every patch.

        Args:
          encoded: of K visible patches: pooled [B, D], tokens [B, K, D].
          restore: int32[B, N], the place of each patch in (visible patches in their order, hidden
            ones).

        Returns:
          float32[B, N, out], row-major.
        """
        rows, columns = self.grid
        if restore.shape[1] != rows * columns:
            raise ValueError(
                f"restore must have {rows * columns} columns for the grid {self.grid}, "
                f"got the shape {restore.shape}"
            )
        dtype = compute_dtype(self.dtype)
        tokens = jnp.concatenate(
            [encoded.pooled[:, None].astype(dtype), encoded.tokens.astype(dtype)], axis=1
        )
        tokens = linear(self.width, dtype, "embed")(tokens)
        pooled, visible = tokens[:, :1], tokens[:, 1:]
        mask_token = self.param("mask_token", nn.initializers.normal(0.02), (self.width,))
        shape = (len(visible), restore.shape[1] - visible.shape[1], self.width)
        masked = jnp.broadcast_to(mask_token.astype(dtype), shape)
        patches = jnp.concatenate([visible, masked], axis=1)
        patches = jnp.take_along_axis(patches, restore[:, :, None], axis=1)
        patches = patches + jnp.asarray(sincos2d(self.grid, self.width), dtype)
        tokens = Transformer(
            depth=self.depth,
            heads=self.heads,
            mlp_ratio=self.mlp_ratio,
            activation=self.activation,
            norm_epsilon=self.norm_epsilon,
            scan=self.scan,
            remat=self.remat,
            dtype=dtype,
            name="trunk",
        )(jnp.concatenate([pooled, patches], axis=1), train=False)
        return linear(self.out, dtype, "output")(tokens[:, 1:]).astype(jnp.float32)
