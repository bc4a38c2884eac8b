"""Degraded inputs: corruptions of five growing strengths, to see what features withstand.

Each is a pure function of a random key, one example and a strength from 1 to 5, made to be vmapped.
The same key and example give the same corruption at every strength, only stronger.
"""

from ssljax.ops.degrade.image import (
    image_blur,
    image_contrast,
    image_noise,
    image_occlusion,
    image_rotation,
)
from ssljax.ops.degrade.series import series_dropped_channels, series_noise
from ssljax.ops.degrade.sound import sound_lost, sound_noise
from ssljax.ops.degrade.table import table_replaced_cells
from ssljax.ops.degrade.text import text_dropped_words

STRENGTHS = (1, 2, 3, 4, 5)

__all__ = [
    "STRENGTHS",
    "image_blur",
    "image_contrast",
    "image_noise",
    "image_occlusion",
    "image_rotation",
    "series_dropped_channels",
    "series_noise",
    "sound_lost",
    "sound_noise",
    "table_replaced_cells",
    "text_dropped_words",
]
