"""Transformers of sound: of spectrograms, and of waveforms."""

from typing import ClassVar, Literal

import jax.numpy as jnp
from einops import rearrange
from flax import linen as nn

from ssljax.errors import UserError
from ssljax.models.encoder import POSITIONS, Encoder, Grid, kept
from ssljax.models.position_convolution import PositionConvolution
from ssljax.models.stems import PatchEmbed, WaveEmbed, tiles
from ssljax.models.stems.wave import HOP, NORMS, SEEN, frames
from ssljax.schema import Count, Decay, Share, Width


class AudioTransformer(Encoder):
    """Patches of a spectrogram, its axes time and frequency (AST, Audio-MAE).

    Args (fields):
      patch_time: frames in a patch.
      patch_bands: frequency bands in a patch.
      frames: frames that learned positions are made for; shorter sounds take the first of them.
      bands: frequency bands that positions are made for.
      The others are those of `Encoder`.

    Gong et al. 2021, arXiv:2104.01778; Huang et al. 2022, arXiv:2207.06405.
    """

    patch_time: Count = 16
    patch_bands: Count = 16
    frames: Count = 1024
    bands: Count = 128
    positions: Literal[POSITIONS] = "sincos"
    class_token: bool = False
    pool: Literal["cls", "mean"] = "mean"

    modality: ClassVar[str] = "audio"
    stretched: ClassVar[tuple[bool, ...]] = (False, True)

    @property
    def patch(self) -> Grid:
        return (self.patch_time, self.patch_bands)

    def grid(self, shape: tuple[int, ...]) -> Grid:
        """Return the (time, frequency) of patches of a spectrogram (frames, bands)."""
        if len(shape) != 2:
            raise UserError(
                f"an audio transformer takes spectrograms [T, F], got {list(shape)}; set "
                "config.data.sound='log_mel'"
            )
        size = dict(zip(("frames", "bands"), shape, strict=True))
        patch = {"patch_time": self.patch_time, "patch_bands": self.patch_bands}
        return tiles("spectrograms", size, patch)

    def trained_grid(self, grid: Grid) -> Grid:
        """Return that of `frames` and `bands`."""
        return self.grid((-(-self.frames // self.patch_time) * self.patch_time, self.bands))

    def stem(self, x, dtype, init):
        """Return the tokens of patches, row-major."""
        embed = PatchEmbed(self.patch, self.width, dtype, init, name="patch_embed")
        return embed(x[..., None].astype(dtype))


class WaveTransformer(Encoder):
    """Frames of 20 ms of a waveform of 16 kHz, by convolutions (wav2vec 2.0).

    | model | fields beyond width, depth, heads and positions="convolution" |
    |---|---|
    | wav2vec 2.0 base, HuBERT base | norm_first=False, embedding_norm=True |
    | wav2vec 2.0 large (LV-60), HuBERT large | convolution_norm="layer" |
    | data2vec base | as base; convolution_norm="layer", position_layers=5, position_kernel=19 |

    Args (fields):
      channels: of the convolutions.
      convolution_norm: "group": each channel of the first one is normalised over time. "layer": all
        are followed by a LayerNorm.
      convolution_bias: whether they have a bias.
      feature_gradient: factor of the gradient that the convolutions get.
      feature_dropout: probability of setting an entry of a token to 0 before any is masked.
      length: samples that learned positions are made for; shorter sounds take the first of them.
      positions: "convolution" besides: a convolution over the tokens, masked ones and their masks
        included, is added to them (wav2vec 2.0).
      position_kernel: tokens that it sees.
      position_groups: groups of its channels; they divide the width.
      position_layers: layers of it, see `ssljax.models.position_convolution`.
      The others are those of `Encoder`.

    Baevski et al. 2020, arXiv:2006.11477; Hsu et al. 2021, arXiv:2106.07447.
    """

    channels: Width = 512
    convolution_norm: Literal[NORMS] = "group"
    convolution_bias: bool = False
    feature_gradient: Share = 1.0
    feature_dropout: Decay = 0.0
    length: Count = 160_000
    positions: Literal[(*POSITIONS, "convolution")] = "sincos"
    position_kernel: Count = 128
    position_groups: Count = 16
    position_layers: Count = 1
    class_token: bool = False
    pool: Literal["cls", "mean"] = "mean"

    modality: ClassVar[str] = "audio"
    stretched: ClassVar[tuple[bool, ...]] = (False,)

    @nn.nowrap
    def check_fields(self) -> None:
        """Raise a UserError for fields that do not fit each other."""
        super().check_fields()
        if self.positions == "convolution" and self.width % self.position_groups:
            raise UserError(
                f"encoder.position_groups={self.position_groups} must divide encoder.width="
                f"{self.width}"
            )

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return HOP

    def grid(self, shape: tuple[int, ...]) -> Grid:
        """Return the number of frames of a waveform (samples,)."""
        if len(shape) != 1 or not frames(shape[0]):
            raise UserError(
                f"a wave transformer takes waveforms [S] of at least {SEEN} samples, got "
                f"{list(shape)}; set config.data.sound='wave'"
            )
        return (frames(shape[0]),)

    def trained_grid(self, grid: Grid) -> Grid:
        """Return the number of frames of `length` samples."""
        return (max(frames(self.length), 1),)

    def _tokens(self, x, dtype, init, train):
        embed = WaveEmbed(
            self.channels,
            self.width,
            dtype,
            norm=self.convolution_norm,
            bias=self.convolution_bias,
            gradient=self.feature_gradient,
            norm_epsilon=self.norm_epsilon,
            name="wave_embed",
        )
        tokens, before = embed(x[..., None])
        if self.feature_dropout and train:
            tokens = nn.Dropout(self.feature_dropout, deterministic=False)(tokens)
        return tokens, before

    def _segments(self, segments, grid):
        """Return the segments of frames: one that sees padding is padding."""
        return segments[:, SEEN - 1 :: HOP][:, : grid[0]]

    def _placed(self, tokens, grid, segments, keep, beside=None):
        if self.positions != "convolution":
            return super()._placed(tokens, grid, segments, keep, beside)
        if beside is not None:
            raise ValueError("tokens beside others have no place in a convolution along time")
        seen = tokens
        if segments is not None:
            seen = jnp.where(segments[:, :, None] > 0, seen, 0)
        if keep is not None:  # what is hidden must not be seen through the positions
            chosen = keep.reshape(len(keep), -1, keep.shape[-1])
            shown = jnp.any(chosen[..., None] == jnp.arange(grid[0]), axis=2)
            seen = rearrange(jnp.where(shown[..., None], seen[:, None], 0), "b m n d -> (b m) n d")
        on_tokens = PositionConvolution(
            self.position_kernel,
            self.position_groups,
            self.position_layers,
            tokens.dtype,
            name="conv_position",
        )(seen)
        if keep is not None:
            tokens = kept(tokens, keep)
            segments = None if segments is None else kept(segments, keep)
            on_tokens = kept(on_tokens, rearrange(chosen, "b m k -> (b m) k"))
        on_class = jnp.zeros((int(self.class_token), self.width))
        return tokens + on_tokens, on_class, segments, None
