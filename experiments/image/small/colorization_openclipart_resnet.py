r"""Colorization of Open Clip Art: minutes on two CPU cores, on real colours that need no hub.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/colorization_openclipart_resnet.py \
        --workdir runs/colorization
"""

from experiments.image.common import openclipart


def get_config():
    """Return the config."""
    config = openclipart(steps=800)
    config.objective = {
        "name": "colorization",
        "views": {"crop": {"crop_scale": (0.3, 1.0), "flip": 0.5}},
        "cells_per_token": 2,
    }
    return config
