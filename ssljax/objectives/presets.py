"""Views of images that several methods share, by the name of the first: `objective.views = "byol"`.

Codes in PyTorch blur with Pillow and change colours with torchvision; SimCLR's and BYOL's have
their own operations. `interpolation` is bilinear where the official code leaves torchvision's
default. No view has a size: it is then as large as the shorter side of the images.
"""

from typing import Any

_JITTER = {"flip": 0.5, "jitter_prob": 0.8, "grey_prob": 0.2}
STRONG = {**_JITTER, "brightness": 0.8, "contrast": 0.8, "saturation": 0.8, "hue": 0.2}
WEAK = {**_JITTER, "brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1}
BYOL = {"crop_scale": (0.08, 1.0), **WEAK, "saturation": 0.2}
TENSORFLOW = {"interpolation": "bicubic", "jitter": "simclr_v1", "blur": "tensorflow"}
PILLOW = {"interpolation": "bicubic", "blur": "pillow"}


def byol(**fields: Any) -> dict[str, dict]:
    """Return BYOL's two views, which differ in blur and solarize, with fields added to both."""
    return {
        "view1": {**BYOL, "blur_prob": 1.0, **fields},
        "view2": {**BYOL, "blur_prob": 0.1, "solarize_prob": 0.2, **fields},
    }


def dino(global_scale: tuple, local_scale: tuple, *, local_count: int, **fields: Any) -> dict:
    """Return DINO's views: BYOL's two of a large part of the image, and small crops."""
    large, small = byol(crop_scale=global_scale, **fields), {**BYOL, **fields}
    return {
        "global1": large["view1"],
        "global2": large["view2"],
        "local": {**small, "crop_scale": local_scale, "blur_prob": 0.5, "count": local_count},
    }


PRESETS: dict[str, dict[str, dict]] = {
    # google-research/simclr, data_util.py; the bicubic filter of tf.image is not antialiased there.
    "simclr": {
        "crop": {"count": 2, "crop_scale": (0.08, 1.0), "blur_prob": 0.5, **STRONG, **TENSORFLOW}
    },
    # facebookresearch/moco, main_moco.py
    "moco_v1": {
        "crop": {"count": 2, "crop_scale": (0.2, 1.0), **WEAK, "hue": 0.4, "jitter_prob": 1.0}
    },
    "moco_v2": {
        "crop": {"count": 2, "crop_scale": (0.2, 1.0), "blur": "pillow", "blur_prob": 0.5, **WEAK}
    },
    # deepmind-research, byol/utils; its bicubic filter, too, is not antialiased.
    "byol": byol(**TENSORFLOW),
    # facebookresearch/barlowtwins, main.py; facebookresearch/vicreg, augmentations.py
    "barlow_twins": byol(**PILLOW),
    # facebookresearch/moco-v3, main_moco.py, for vision transformers
    "moco_v3": byol(blur="pillow"),
}
