r"""Rotation on Open Clip Art: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/rotation_openclipart_resnet.py \
        --workdir runs/rotation

A step sees each of its 64 images in four turns, so as much as two views of 128.
"""

from experiments.image.common import openclipart


def get_config():
    """Return the config."""
    config = openclipart(steps=400)
    config.batch_size = 64
    config.objective = {
        "name": "rotation",
        "views": {"crop": {"crop_scale": (0.6, 1.0), "flip": 0.5}},
    }
    return config
