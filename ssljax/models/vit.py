"""Vision transformers."""

from typing import Annotated, Literal

import jax
import jax.numpy as jnp
from einops import rearrange
from flax import linen as nn

from ssljax.errors import UserError, unknown
from ssljax.models.base import Encoded, compute_dtype
from ssljax.models.grad_cache import in_chunks
from ssljax.models.initializers import (
    BLOCKS,
    KERNELS,
    TOKENS,
    block_initializer,
    token_initializer,
)
from ssljax.models.positions import INTERPOLATIONS, resample, sincos2d
from ssljax.models.stems import PatchEmbed, patch_grid
from ssljax.models.transformer import REMAT_POLICIES, Transformer
from ssljax.schema import (
    Above,
    AtMost,
    Count,
    CountOrNone,
    Decay,
    Depth,
    Dtype,
    OneOf,
    Pixels,
    Positive,
    Share,
    Width,
)


class ViT(nn.Module):
    """Patches, positions, a class token, and a pre-norm transformer.

    Images may have another size than `image_size`, as small crops have: positions are then those of
    the same area on another grid (fixed ones computed, learned ones interpolated). Any number of
    input channels.

    Args (fields):
      patch_size: side of a patch in pixels.
      image_size: side in pixels of the square images that learned positions are made for.
      width, depth, heads: of the transformer.
      positions: "learned" (normal, std 0.02) or "sincos2d" (fixed, MAE's).
      positions_interpolation: how learned positions are fitted to another grid, see
        `ssljax.models.positions.resample`.
      class_token: whether there is one; it has a position of its own if positions are learned.
      registers: further learned tokens, without position, that are dropped at the end (Darcet et
        al. 2023, arXiv:2309.16588).
      pool: features are the class token ("cls") or the mean of the patch tokens ("mean"), after the
        last norm.
      mlp_ratio, activation, drop_path, drop_path_uniform, layer_scale, qk_norm, norm_epsilon,
        kernel_init, scan, remat: see `Transformer`.
      patch_init: how the map of the patches starts, a name of `ssljax.models.initializers.KERNELS`;
        "" for as the transformer.
      token_init: how class token and registers start, a name of `TOKENS` there.
      grad_cache: into how many parts a batch is cut in training, see `in_chunks`; 1 for none.
      dtype: "float32" or "bfloat16", for products and activations; parameters and pooled features
        are float32.

    Dosovitskiy et al. 2020, arXiv:2010.11929.
    """

    patch_size: Pixels = 16
    image_size: Pixels = 224
    width: Width = 384
    depth: Depth = 12
    heads: Count = 6
    positions: Literal["learned", "sincos2d"] = "learned"
    positions_interpolation: Annotated[str, OneOf(INTERPOLATIONS)] = "lowpass"
    class_token: bool = True
    registers: CountOrNone = 0
    pool: Literal["cls", "mean"] = "cls"
    mlp_ratio: Annotated[float, Above(0), AtMost(64)] = 4.0
    activation: Literal["gelu", "gelu_tanh", "swiglu"] = "gelu"
    drop_path: Decay = 0.0
    drop_path_uniform: bool = False
    layer_scale: Share = 0.0
    qk_norm: bool = False
    norm_epsilon: Positive = 1e-6
    kernel_init: Annotated[str, OneOf(BLOCKS)] = "xavier"
    patch_init: Annotated[str, OneOf(("", *KERNELS))] = ""
    token_init: Annotated[str, OneOf(TOKENS)] = "normal"
    scan: bool = True
    remat: Annotated[str, OneOf(REMAT_POLICIES)] = "none"
    grad_cache: Count = 1
    dtype: Dtype = "float32"

    def check_fields(self) -> None:
        """Raise a UserError for fields that do not fit each other."""
        if self.width % self.heads:
            raise UserError(f"encoder.heads={self.heads} must divide encoder.width={self.width}")
        if self.positions == "sincos2d" and self.width % 4:
            raise UserError(
                f"encoder.width={self.width} must be divisible by 4 with encoder.positions="
                "'sincos2d'"
            )
        if self.pool == "cls" and not self.class_token:
            raise UserError(
                "encoder.pool='cls' needs encoder.class_token=True; without a class token set "
                "encoder.pool='mean'"
            )

    @nn.compact
    def __call__(
        self,
        images: jax.Array,
        *,
        train: bool,
        keep: jax.Array | None = None,
        masked: jax.Array | None = None,
        mask_token: jax.Array | None = None,
        mlp_outputs: bool = False,
    ) -> Encoded:
        """Encode images[B, H, W, C], already normalised.

        Args:
          images: float, sides divisible by `patch_size`.
          train: whether drop-path acts.
          keep: int32[B, K], row-major indices of the patches to encode (MAE's visible ones), None
            for all. They are taken after positions are added, so a patch keeps the position it has
            in the full image. Or int32[B, M, K], M choices of each image: the results are those of
            a batch (b m).
          masked: bool[B, N], patches to hide behind `mask_token` (SimMIM, BEiT, iBOT). They are
            replaced before positions are added.
          mask_token: float[width], needed with `masked`. It is the objective's parameter and not
            the encoder's, which so is the same whatever it is trained by.

        Returns:
          `tokens` are those of the (kept) patches, in the order of `keep`.
        """
        if self.pool not in ("cls", "mean"):
            raise unknown("pool", self.pool, ("cls", "mean"))
        if self.pool == "cls" and not self.class_token:
            raise ValueError(
                "pool='cls' needs class_token=True; without a class token use pool='mean'"
            )

        def encode(vit, images, keep, masked):
            return vit._encode(
                images, keep, masked, mask_token, train=train, mlp_outputs=mlp_outputs
            )

        if self.grad_cache == 1 or not train:
            return encode(self, images, keep, masked)
        return in_chunks(encode, self, self.grad_cache, images, keep, masked)

    def _encode(self, images, keep, masked, mask_token, *, train, mlp_outputs) -> Encoded:
        dtype = compute_dtype(self.dtype)
        block_initializer(self.kernel_init)  # its error names the key
        init = self.patch_init or self.kernel_init.removesuffix("_by_depth")
        patches = PatchEmbed(self.patch_size, self.width, dtype, init, name="patch_embed")
        grid = patch_grid(*images.shape[1:3], self.patch_size)
        tokens = patches(images.astype(dtype))
        if masked is not None:
            tokens = jnp.where(masked[:, :, None], mask_token.astype(dtype), tokens)
        on_patches, on_class = self._positions(grid)
        tokens = tokens + on_patches.astype(dtype)
        if keep is not None:
            chosen = keep.reshape(len(keep), -1, 1)
            tokens = jnp.take_along_axis(tokens, chosen, axis=1)
            tokens = rearrange(tokens, "b (m k) d -> (b m) k d", k=keep.shape[-1])
        first = self._first_tokens(on_class).astype(dtype)
        tokens = jnp.concatenate(
            [jnp.broadcast_to(first, (tokens.shape[0], *first.shape)), tokens], axis=1
        )
        tokens = self._trunk(dtype)(tokens, train=train, mlp_outputs=mlp_outputs)
        tokens, added = tokens if mlp_outputs else (tokens, None)
        patch_tokens = tokens[:, len(first) :]
        pooled = (
            tokens[:, 0]
            if self.pool == "cls"
            else jnp.mean(patch_tokens, axis=1, dtype=jnp.float32)
        )
        added = added[:, :, len(first) :] if mlp_outputs else None
        return Encoded(pooled.astype(jnp.float32), patch_tokens, added)

    def _positions(self, grid: tuple[int, int]) -> tuple[jax.Array, jax.Array]:
        """Return the positions of the patches [N, width] and of the class token [0 or 1, width]."""
        trained_on = patch_grid(self.image_size, self.image_size, self.patch_size)
        count = int(self.class_token)
        if self.positions == "sincos2d":
            table = sincos2d(grid, self.width, trained_on=trained_on)
            return jnp.asarray(table), jnp.zeros((count, self.width))
        if self.positions != "learned":
            raise unknown("positions", self.positions, ("learned", "sincos2d"))
        shape = (count + trained_on[0] * trained_on[1], self.width)
        table = self.param("pos_embed", nn.initializers.normal(0.02), shape)
        on_patches = resample(table[count:], trained_on, grid, how=self.positions_interpolation)
        return on_patches, table[:count]

    def _first_tokens(self, position: jax.Array) -> jax.Array:
        """Return the class token and the registers, [0 or more, width]."""
        tokens, init = [], token_initializer(self.token_init)
        if self.class_token:
            tokens.append(self.param("cls_token", init, (1, self.width)) + position)
        if self.registers:
            tokens.append(self.param("register_tokens", init, (self.registers, self.width)))
        return jnp.concatenate(tokens) if tokens else jnp.zeros((0, self.width))

    def _trunk(self, dtype: jnp.dtype) -> Transformer:
        return Transformer(
            depth=self.depth,
            heads=self.heads,
            mlp_ratio=self.mlp_ratio,
            activation=self.activation,
            drop_path=self.drop_path,
            drop_path_uniform=self.drop_path_uniform,
            layer_scale=self.layer_scale,
            qk_norm=self.qk_norm,
            norm_epsilon=self.norm_epsilon,
            kernel_init=self.kernel_init,
            scan=self.scan,
            remat=self.remat,
            dtype=dtype,
            name="trunk",
        )
