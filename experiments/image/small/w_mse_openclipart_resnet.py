r"""W-MSE on Open Clip Art: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/w_mse_openclipart_resnet.py \
        --workdir runs/w_mse
"""

from experiments.image.common import CLIPART_PAIR, openclipart


def get_config():
    """Return the config."""
    config = openclipart(steps=400)
    config.objective = {
        "name": "w_mse",
        "group_size": 128,
        "projector_hidden": (512,),
        "projector_dim": 64,
        "views": CLIPART_PAIR,
    }
    return config
