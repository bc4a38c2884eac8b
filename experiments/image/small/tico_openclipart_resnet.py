r"""TiCo on Open Clip Art: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/tico_openclipart_resnet.py \
        --workdir runs/tico
"""

from experiments.image.common import CLIPART_PAIR, openclipart


def get_config():
    """Return the config."""
    config = openclipart(steps=400)
    config.objective = {
        "name": "tico",
        "weight": 8.0,
        "covariance_momentum": 0.9,
        "momentum": 0.99,
        "projector_hidden": (512,),
        "projector_dim": 128,
        "views": CLIPART_PAIR,
    }
    return config
