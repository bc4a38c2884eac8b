"""Transformers of videos."""

from typing import ClassVar, Literal

from ssljax.errors import UserError
from ssljax.models.encoder import POSITIONS, Encoder, Grid
from ssljax.models.stems import PatchEmbed, tiles
from ssljax.schema import Count, Pixels


class VideoTransformer(Encoder):
    """Tubelets: patches over several frames (ViViT, VideoMAE).

    Args (fields):
      patch_size: side of a tubelet in pixels.
      tubelet: frames in a tubelet.
      image_size: side in pixels, or (height, width), of the frames that positions are made for.
      frames: frames that learned positions are made for; shorter videos take the first of them.
      The others are those of `Encoder`.

    Arnab et al. 2021, arXiv:2103.15691; Tong et al. 2022, arXiv:2203.12602.
    """

    patch_size: Pixels = 16
    tubelet: Count = 2
    image_size: Pixels | tuple[Pixels, Pixels] = 224
    frames: Count = 16
    positions: Literal[POSITIONS] = "sincos"
    class_token: bool = False
    pool: Literal["cls", "mean"] = "mean"

    modality: ClassVar[str] = "video"
    stretched: ClassVar[tuple[bool, ...]] = (False, True, True)

    @property
    def patch(self) -> Grid:
        return (self.tubelet, self.patch_size, self.patch_size)

    def grid(self, shape: tuple[int, ...]) -> Grid:
        """Return the (time, rows, columns) of tubelets of a video (frames, height, width, C)."""
        if len(shape) != 4:
            raise UserError(f"a video transformer takes videos [T, H, W, C], got {list(shape)}")
        size = dict(zip(("frames", "rows", "columns"), shape, strict=False))
        return tiles("videos", size, {"tubelet": self.tubelet, "patch_size": self.patch_size})

    def trained_grid(self, grid: Grid) -> Grid:
        """Return that of `frames` and `image_size`."""
        size = self.image_size
        height, width = (size, size) if isinstance(size, int) else size
        return self.grid((-(-self.frames // self.tubelet) * self.tubelet, height, width, 1))

    def stem(self, x, dtype, init):
        """Return the tokens of tubelets, row-major."""
        embed = PatchEmbed(self.patch, self.width, dtype, init, name="patch_embed")
        return embed(x.astype(dtype))
