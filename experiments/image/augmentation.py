"""Augmentations at 224 pixels that several papers share: the presets of views, with their size."""

from ssljax.objectives.presets import PILLOW, PRESETS, STRONG, dino


def sized(views: dict[str, dict], size: int = 224, **fields: object) -> dict[str, dict]:
    """Return views of so many pixels, with further fields for all of them."""
    return {name: {**view, "size": size, **fields} for name, view in views.items()}


def simclr(*, count: int = 2, **fields: object) -> dict:
    """Return SimCLR's views, as the code of its paper had them, with fields changed."""
    return sized(PRESETS["simclr"], count=count, **fields)


def moco_v3(*, crop_scale: tuple) -> dict:
    """Return MoCo v3's views (facebookresearch/moco-v3, main_moco.py): BYOL's, bilinear."""
    return sized(PRESETS["moco_v3"], crop_scale=crop_scale)


def dino_crops(*, global_scale: tuple, local_scale: tuple, local_count: int) -> dict:
    """Return DINO's views: BYOL's two of a large part of the image, and small crops.

    facebookresearch/dino, main_dino.py; bytedance/ibot has the same.
    """
    views = sized(dino(global_scale, local_scale, local_count=local_count, **PILLOW))
    return {**views, "local": {**views["local"], "size": 96}}


SIMCLR = simclr()
MOCO_V1 = sized(PRESETS["moco_v1"])
MOCO_V2 = sized(PRESETS["moco_v2"])
BYOL = sized(PRESETS["byol"])
BARLOW_TWINS = sized(PRESETS["barlow_twins"])

# facebookresearch/swav, src/multicropdataset.py
_SWAV = {**STRONG, "blur": "pillow", "blur_prob": 0.5}
SWAV = {
    "crop": {"count": 2, "size": 224, "crop_scale": (0.14, 1.0), **_SWAV},
    "small_crop": {"count": 6, "size": 96, "crop_scale": (0.05, 0.14), **_SWAV},
}
