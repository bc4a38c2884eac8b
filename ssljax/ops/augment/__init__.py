"""Augmentation on device: pure functions of a key and one image, made to be vmapped."""

from ssljax.ops.augment.blur import box_blur, gaussian_blur
from ssljax.ops.augment.color import color_jitter, solarize, to_grey
from ssljax.ops.augment.geometry import crop_and_resize, sample_box
from ssljax.ops.augment.view import Augmentation, multi_crop

__all__ = [
    "Augmentation",
    "box_blur",
    "color_jitter",
    "crop_and_resize",
    "gaussian_blur",
    "multi_crop",
    "sample_box",
    "solarize",
    "to_grey",
]
