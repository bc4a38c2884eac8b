"""Vision transformers."""

from typing import ClassVar, Literal

from ssljax.errors import UserError
from ssljax.models.encoder import Encoder, Grid
from ssljax.models.stems import PatchEmbed, tiles
from ssljax.schema import Pixels


class ViT(Encoder):
    """Patches of images of any shape.

    Images may have another size than `image_size`, as small crops have: positions are then those of
    the same area on another grid (fixed ones computed, learned ones interpolated). Any number of
    input channels.

    Args (fields):
      patch_size: side of a patch in pixels.
      patch_bias: whether the map of the patches has a bias (CLIP's has none).
      pool: "map" besides: features are what a learned query finds among the tokens, see
        `ssljax.models.pooling.AttentionPool` (SigLIP).
      image_size: side in pixels, or (height, width), of the images that positions are made for.
      The others are those of `Encoder`.

    Dosovitskiy et al. 2020, arXiv:2010.11929.
    """

    patch_size: Pixels = 16
    image_size: Pixels | tuple[Pixels, Pixels] = 224
    patch_bias: bool = True
    pool: Literal["cls", "mean", "map"] = "cls"

    modality: ClassVar[str] = "image"
    stretched: ClassVar[tuple[bool, ...]] = (True, True)

    @property
    def patch(self) -> Grid:
        return (self.patch_size, self.patch_size)

    def grid(self, shape: tuple[int, ...]) -> Grid:
        """Return the (rows, columns) of patches of an image (height, width, channels)."""
        if len(shape) != 3:
            raise UserError(f"a vision transformer takes images [H, W, C], got {list(shape)}")
        size = {"rows": shape[0], "columns": shape[1]}
        return tiles("images", size, {"patch_size": self.patch_size})

    def trained_grid(self, grid: Grid) -> Grid:
        """Return that of `image_size`."""
        size = self.image_size
        return self.grid((*((size, size) if isinstance(size, int) else size), 1))

    def stem(self, x, dtype, init):
        """Return the tokens of patches, row-major."""
        bias = self.patch_bias
        embed = PatchEmbed(self.patch, self.width, dtype, init, bias, name="patch_embed")
        return embed(x.astype(dtype))
