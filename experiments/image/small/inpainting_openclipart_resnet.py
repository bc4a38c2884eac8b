r"""Inpainting on Open Clip Art: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/inpainting_openclipart_resnet.py \
        --workdir runs/inpainting
"""

from experiments.image.common import openclipart


def get_config():
    """Return the config."""
    config = openclipart(steps=400)
    config.objective = {
        "name": "inpainting",
        "views": {"crop": {"crop_scale": (0.6, 1.0), "flip": 0.5}},
        "region": "random",
        "decoder_doublings": 1,
        "discriminator_width": 32,
        "discriminator_halvings": 2,
        "discriminator_hidden": 128,
    }
    return config
