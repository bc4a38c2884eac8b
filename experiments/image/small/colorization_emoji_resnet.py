r"""Colorization of emoji: minutes on two CPU cores, on real colours that need no hub.

    python -m ssljax data prepare emoji
    python -m ssljax pretrain --config experiments/image/small/colorization_emoji_resnet.py \
        --workdir runs/colorization

Fashion-MNIST is grey: there is nothing to colour. Images are brought to 32 pixels.
"""

from experiments.image.common import fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist()
    config.data.source = "npm:emoji"
    config.data.image_size = 32
    config.objective = {
        "name": "colorization",
        "views": {"crop": {"crop_scale": (0.3, 1.0), "flip": 0.5}},
        "cells_per_token": 2,
    }
    return config
