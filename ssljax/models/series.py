"""Transformers of time series."""

from typing import ClassVar, Literal

from ssljax.errors import UserError
from ssljax.models.encoder import POSITIONS, Encoder, Grid
from ssljax.models.stems import PatchEmbed, tiles
from ssljax.schema import Count, Depth, Width


class SeriesTransformer(Encoder):
    """Patches of consecutive steps of a series of any number of channels (as PatchTST's).

    Args (fields):
      patch_size: steps in a patch.
      length: steps that learned positions are made for; shorter series take the first of them.
      causal: whether a token sees only itself and those before it.
      The others are those of `Encoder`.

    Nie et al. 2022, arXiv:2211.14730, whose channels are encoded each on its own.
    """

    patch_size: Count = 8
    length: Count = 512
    causal: bool = False
    width: Width = 64
    depth: Depth = 4
    heads: Count = 4
    positions: Literal[POSITIONS] = "sincos"
    class_token: bool = False
    pool: Literal["cls", "mean"] = "mean"

    modality: ClassVar[str] = "series"
    stretched: ClassVar[tuple[bool, ...]] = (False,)

    @property
    def patch(self) -> Grid:
        return (self.patch_size,)

    def grid(self, shape: tuple[int, ...]) -> Grid:
        """Return the number of patches of a series (steps, channels)."""
        if len(shape) != 2:
            raise UserError(f"a series transformer takes series [T, C], got {list(shape)}")
        return tiles("series", {"steps": shape[0]}, {"patch_size": self.patch_size})

    def trained_grid(self, grid: Grid) -> Grid:
        """Return the number of patches of `length` steps, at least one."""
        return (-(-self.length // self.patch_size),)

    def stem(self, x, dtype, init):
        """Return the tokens of patches in order of time."""
        embed = PatchEmbed(self.patch, self.width, dtype, init, name="patch_embed")
        return embed(x.astype(dtype))
