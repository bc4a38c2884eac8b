r"""MoCo v1 on Open Clip Art: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/moco_v1_openclipart_resnet.py \
        --workdir runs/moco_v1
"""

from experiments.image.common import CLIPART_PAIR, CLIPART_RESNET, openclipart


def get_config():
    """Return the config."""
    encoder = {**CLIPART_RESNET, "bn_groups": 4}  # shuffle-BN in groups of 32 images
    config = openclipart(encoder, steps=400)
    config.objective = {
        "name": "moco_v2",
        "temperature": 0.1,
        "projector_hidden": (),
        "momentum": 0.99,
        "queue_size": 1024,
        "views": CLIPART_PAIR,
    }
    return config
