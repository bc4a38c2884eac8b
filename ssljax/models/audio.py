"""Transformers of sound: of spectrograms, and of waveforms."""

from typing import ClassVar, Literal

from ssljax.errors import UserError
from ssljax.models.encoder import POSITIONS, Encoder, Grid
from ssljax.models.stems import PatchEmbed, WaveEmbed, tiles
from ssljax.models.stems.wave import HOP, frames
from ssljax.schema import Count, Width


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
    """Frames of 20 ms of a waveform of 16 kHz, by convolutions (wav2vec 2.0's stem).

    Args (fields):
      channels: of the convolutions.
      length: samples that learned positions are made for; shorter sounds take the first of them.
      The others are those of `Encoder`. wav2vec 2.0 itself finds positions by a convolution.

    Baevski et al. 2020, arXiv:2006.11477.
    """

    channels: Width = 512
    length: Count = 160_000
    positions: Literal[POSITIONS] = "sincos"
    class_token: bool = False
    pool: Literal["cls", "mean"] = "mean"

    modality: ClassVar[str] = "audio"
    stretched: ClassVar[tuple[bool, ...]] = (False,)

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return HOP

    def grid(self, shape: tuple[int, ...]) -> Grid:
        """Return the number of frames of a waveform (samples,)."""
        if len(shape) != 1 or not frames(shape[0]):
            raise UserError(
                f"a wave transformer takes waveforms [S] of at least 400 samples, got "
                f"{list(shape)}; set config.data.sound='wave'"
            )
        return (frames(shape[0]),)

    def trained_grid(self, grid: Grid) -> Grid:
        """Return the number of frames of `length` samples."""
        return (max(frames(self.length), 1),)

    def stem(self, x, dtype, init):
        """Return the tokens of frames in order of time."""
        embed = WaveEmbed(self.channels, self.width, dtype, name="wave_embed")
        return embed(x[..., None])
