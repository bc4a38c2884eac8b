"""Augmentation on device: pure functions of a key and one example, made to be vmapped."""

from ssljax.ops.augment.alteration import Alteration
from ssljax.ops.augment.blur import box_blur, gaussian_blur
from ssljax.ops.augment.color import color_jitter, solarize, to_grey
from ssljax.ops.augment.geometry import crop_and_resize, crop_nearest, sample_box
from ssljax.ops.augment.mix import Mixing, mixed
from ssljax.ops.augment.series import SeriesView, multi_window
from ssljax.ops.augment.sound import SoundView, multi_sound
from ssljax.ops.augment.table import SCARF, multi_corrupt, vime_corruption
from ssljax.ops.augment.text import TextView, multi_drop
from ssljax.ops.augment.video import VideoView, multi_clip
from ssljax.ops.augment.view import Augmentation, finish_crops, multi_crop, multi_crop_masks

__all__ = [
    "Alteration",
    "Augmentation",
    "Mixing",
    "SCARF",
    "SeriesView",
    "SoundView",
    "TextView",
    "VideoView",
    "box_blur",
    "color_jitter",
    "crop_and_resize",
    "crop_nearest",
    "gaussian_blur",
    "mixed",
    "multi_corrupt",
    "finish_crops",
    "multi_clip",
    "multi_crop",
    "multi_crop_masks",
    "multi_drop",
    "multi_sound",
    "multi_window",
    "sample_box",
    "solarize",
    "to_grey",
    "vime_corruption",
]
