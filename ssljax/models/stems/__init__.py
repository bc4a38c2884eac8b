"""From raw input to tokens, one file for each kind of input."""

from ssljax.models.stems.columns import ColumnEmbed
from ssljax.models.stems.patches import PatchEmbed, PlacedPatches, tiles
from ssljax.models.stems.wave import WaveEmbed
from ssljax.models.stems.words import PlacedWords, TokenEmbed

__all__ = [
    "ColumnEmbed",
    "PatchEmbed",
    "PlacedPatches",
    "PlacedWords",
    "TokenEmbed",
    "WaveEmbed",
    "tiles",
]
