"""The Audio Spectrogram Transformer: overlapping patches, a class and a distillation token."""

from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
from flax import linen as nn

from ssljax.errors import UserError
from ssljax.models.encoder import Encoder, Grid
from ssljax.models.initializers import kernel_initializer
from ssljax.schema import Count, Depth, Part, Width


class AST(Encoder):
    """Patches of a spectrogram that overlap, and the mean of two tokens as features (AST).

    A patch begins every `time_stride` frames and `band_stride` bands. Positions are learned, of the
    two tokens too. Shorter sounds take those of the first times; other numbers of bands are
    refused. What hides patches and predicts their values needs patches that do not overlap:
    `audio_transformer`.

    Args (fields):
      patch_size: frames and bands of a patch.
      time_stride, band_stride: from one patch to the next.
      frames, bands: of the spectrograms that positions are made for.
      The others are those of `Encoder`.

    Gong et al. 2021, arXiv:2104.01778; transformers, modeling_audio_spectrogram_transformer.py
    (ASTModel), whose positions are kept in its order, bands before times.
    """

    patch_size: Count = 16
    time_stride: Count = 10
    band_stride: Count = 10
    frames: Count = 1024
    bands: Count = 128
    width: Width = 768
    depth: Depth = 12
    heads: Count = 12
    positions: Literal["learned"] = "learned"
    pool: Literal["both"] = "both"
    norm_epsilon: Part = 1e-12
    kernel_init: Literal["normal"] = "normal"

    modality: ClassVar[str] = "audio"
    stretched: ClassVar[tuple[bool, ...]] = (False, False)

    @nn.nowrap
    def check_fields(self) -> None:
        """Raise a UserError for fields that do not fit each other."""
        super().check_fields()
        for field, wanted in (("class_token", True), ("registers", 0), ("class_position", True)):
            if getattr(self, field) != wanted:
                raise UserError(
                    f"encoder.{field}={getattr(self, field)!r}: AST has a class and a distillation "
                    "token, each with a position, and no others; leave it out"
                )
        self.trained_grid((1, 1))

    def grid(self, shape: tuple[int, ...]) -> Grid:
        """Return the (times, bands) at which patches of a spectrogram (frames, bands) begin."""
        if len(shape) != 2:
            raise UserError(
                f"AST takes spectrograms [T, F], got {list(shape)}; set config.data.sound='log_mel'"
            )
        if min(shape) < self.patch_size or shape[0] > self.frames or shape[1] != self.bands:
            raise UserError(
                f"AST takes spectrograms of encoder.patch_size={self.patch_size} to "
                f"encoder.frames={self.frames} frames and of encoder.bands={self.bands} bands; "
                f"those here have {shape[0]} and {shape[1]}"
            )
        strides = (self.time_stride, self.band_stride)
        return tuple(
            (side - self.patch_size) // stride + 1
            for side, stride in zip(shape, strides, strict=True)
        )

    def trained_grid(self, grid: Grid) -> Grid:
        """Return that of `frames` and `bands`."""
        return self.grid((self.frames, self.bands))

    def stem(self, x, dtype, init):
        """Return the tokens of patches, time after time."""
        embed = nn.Conv(
            self.width,
            (self.patch_size, self.patch_size),
            (self.time_stride, self.band_stride),
            padding="VALID",
            dtype=dtype,
            kernel_init=kernel_initializer(init),
            name="patch_embed",
        )
        tokens = embed(x[..., None].astype(dtype))
        return tokens.reshape(len(tokens), -1, self.width)

    def _positions(self, grid, segments):
        times, bands = self.trained_grid(grid)
        init = nn.initializers.normal(0.02)
        table = self.param("pos_embed", init, (2 + times * bands, self.width))
        on_tokens = table[2:].reshape(bands, times, -1).swapaxes(0, 1)[: grid[0]]
        return on_tokens.reshape(-1, self.width), table[:2], None

    def _first_tokens(self, position: jax.Array) -> jax.Array:
        tokens = [
            self.param(name, nn.initializers.zeros, (1, self.width))
            for name in ("cls_token", "register_distillation")
        ]
        return jnp.concatenate(tokens) + position

    def _features(self, tokens, patch_tokens, segments):
        return tokens[:, :2].mean(axis=1, dtype=jnp.float32)
