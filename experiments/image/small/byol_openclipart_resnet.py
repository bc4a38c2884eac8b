r"""BYOL on Open Clip Art: within 20 minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/byol_openclipart_resnet.py \
        --workdir runs/byol
"""

from experiments.image.common import CLIPART_PAIR, openclipart


def get_config():
    """Return the config."""
    config = openclipart()
    config.objective = {
        "name": "byol",
        "momentum": 0.99,  # a run of a thousand steps cannot wait for a slower teacher
        "projector_hidden": (512,),
        "projector_dim": 128,
        "predictor_hidden": (512,),
        "views": CLIPART_PAIR,
    }
    return config
