r"""Barlow Twins on Open Clip Art: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain \
        --config experiments/image/small/barlow_twins_openclipart_resnet.py \
        --workdir runs/barlow_twins
"""

from experiments.image.common import CLIPART_PAIR, openclipart


def get_config():
    """Return the config."""
    config = openclipart(steps=400)
    config.objective = {
        "name": "barlow_twins",
        "off_diagonal_weight": 0.02,  # fewer features than the paper's 8192, so fewer such terms
        "projector_hidden": (512, 512),
        "projector_dim": 512,
        "views": CLIPART_PAIR,
    }
    return config
