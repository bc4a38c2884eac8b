"""Augmentations at 224 pixels that several papers share, under the name of the first."""

_COLOUR = {"flip": 0.5, "jitter_prob": 0.8, "grey_prob": 0.2}
_STRONG = {**_COLOUR, "brightness": 0.8, "contrast": 0.8, "saturation": 0.8, "hue": 0.2}
_WEAK = {**_COLOUR, "brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1}

SIMCLR = {"crop": {"count": 2, "size": 224, "crop_scale": (0.08, 1.0), "blur_prob": 0.5, **_STRONG}}

MOCO_V2 = {"crop": {"count": 2, "size": 224, "crop_scale": (0.2, 1.0), "blur_prob": 0.5, **_WEAK}}

_BYOL = {"size": 224, "crop_scale": (0.08, 1.0), **_WEAK, "saturation": 0.2}
BYOL = {
    "view1": {**_BYOL, "blur_prob": 1.0},
    "view2": {**_BYOL, "blur_prob": 0.1, "solarize_prob": 0.2},
}

_SWAV = {**_STRONG, "blur_prob": 0.5, "blur_kernel": 23}  # of 23 pixels in small crops too
SWAV = {
    "crop": {"count": 2, "size": 224, "crop_scale": (0.14, 1.0), **_SWAV},
    "small_crop": {"count": 6, "size": 96, "crop_scale": (0.05, 0.14), **_SWAV},
}


def dino(*, global_scale: tuple, local_scale: tuple, local_count: int) -> dict:
    """Return DINO's views: BYOL's two of a large part of the image, and small crops."""
    return {
        "global1": {**BYOL["view1"], "crop_scale": global_scale},
        "global2": {**BYOL["view2"], "crop_scale": global_scale},
        "local": {
            **_BYOL,
            "size": 96,
            "count": local_count,
            "crop_scale": local_scale,
            "blur_prob": 0.5,
        },
    }
