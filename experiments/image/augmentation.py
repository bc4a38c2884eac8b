"""Augmentations at 224 pixels that several papers share, under the name of the first.

Codes in PyTorch blur with Pillow and change colours with torchvision; SimCLR's and BYOL's have
their own operations. `interpolation` is bilinear where the official code leaves torchvision's
default.
"""

_COLOUR = {"flip": 0.5, "jitter_prob": 0.8, "grey_prob": 0.2}
_STRONG = {**_COLOUR, "brightness": 0.8, "contrast": 0.8, "saturation": 0.8, "hue": 0.2}
_WEAK = {**_COLOUR, "brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1}
_TENSORFLOW = {"interpolation": "bicubic", "jitter": "simclr_v1", "blur": "tensorflow"}


def simclr(*, count: int = 2, **fields: object) -> dict:
    """Return SimCLR's views, as the code of its paper had them but for the fields that are given.

    google-research/simclr, data_util.py; tf.image's bicubic filter there is not antialiased, which
    matters little from 256 to 224 pixels.
    """
    crop = {"size": 224, "crop_scale": (0.08, 1.0), "blur_prob": 0.5, **_STRONG, **_TENSORFLOW}
    return {"crop": {"count": count, **crop, **fields}}


SIMCLR = simclr()

# facebookresearch/moco, main_moco.py
MOCO_V2 = {
    "crop": {
        "count": 2,
        "size": 224,
        "crop_scale": (0.2, 1.0),
        "blur": "pillow",
        "blur_prob": 0.5,
        **_WEAK,
    }
}

_BYOL = {"size": 224, "crop_scale": (0.08, 1.0), **_WEAK, "saturation": 0.2}


def _byol(**fields: object) -> dict:
    """Return BYOL's two views, but for the fields that are given."""
    return {
        "view1": {**_BYOL, "blur_prob": 1.0, **fields},
        "view2": {**_BYOL, "blur_prob": 0.1, "solarize_prob": 0.2, **fields},
    }


# deepmind-research, byol/utils; its bicubic filter, too, is not antialiased.
BYOL = _byol(**_TENSORFLOW)
# facebookresearch/barlowtwins, main.py; facebookresearch/vicreg, augmentations.py
BARLOW_TWINS = _byol(interpolation="bicubic", blur="pillow")


def moco_v3(*, crop_scale: tuple) -> dict:
    """Return MoCo v3's views (facebookresearch/moco-v3, main_moco.py): BYOL's, bilinear."""
    return _byol(crop_scale=crop_scale, blur="pillow")


# facebookresearch/swav, src/multicropdataset.py
_SWAV = {**_STRONG, "blur": "pillow", "blur_prob": 0.5}
SWAV = {
    "crop": {"count": 2, "size": 224, "crop_scale": (0.14, 1.0), **_SWAV},
    "small_crop": {"count": 6, "size": 96, "crop_scale": (0.05, 0.14), **_SWAV},
}


def dino(*, global_scale: tuple, local_scale: tuple, local_count: int) -> dict:
    """Return DINO's views: BYOL's two of a large part of the image, and small crops.

    facebookresearch/dino, main_dino.py; bytedance/ibot has the same.
    """
    pillow = {"interpolation": "bicubic", "blur": "pillow"}
    views = _byol(crop_scale=global_scale, **pillow)
    local = {**_BYOL, **pillow, "size": 96, "crop_scale": local_scale, "blur_prob": 0.5}
    return {
        "global1": views["view1"],
        "global2": views["view2"],
        "local": {**local, "count": local_count},
    }
