"""Transforms on the host, one file for each modality; tables need none."""

from ssljax.data.host.base import HostTransform, fields_after, sides, stack
from ssljax.data.host.choose import Length, drawn, fixed, given_length, length_of
from ssljax.data.host.crops import CropGroup, crop_name, shipped
from ssljax.data.host.image import CentreCrop, RandomResizedCrop
from ssljax.data.host.mask import MaskCrop
from ssljax.data.host.series import Recordings, Window, sound_transform
from ssljax.data.host.text import Captions, TokenIds, Utf8Bytes, text_transform
from ssljax.data.host.video import ONE_CLIP, Clips, Sampling

__all__ = [
    "ONE_CLIP",
    "Captions",
    "CentreCrop",
    "Clips",
    "CropGroup",
    "HostTransform",
    "Length",
    "MaskCrop",
    "RandomResizedCrop",
    "Recordings",
    "Sampling",
    "TokenIds",
    "Utf8Bytes",
    "Window",
    "crop_name",
    "drawn",
    "fields_after",
    "fixed",
    "given_length",
    "length_of",
    "shipped",
    "sound_transform",
    "sides",
    "stack",
    "text_transform",
]
