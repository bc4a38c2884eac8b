r"""DCLW, which is DCL with weighted positives, on Open Clip Art: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/dclw_openclipart_resnet.py \
        --workdir runs/dclw
"""

from experiments.image.common import CLIPART_PAIR, openclipart


def get_config():
    """Return the config."""
    config = openclipart(steps=400)
    config.objective = {
        "name": "dcl",
        "temperature": 0.2,
        "sigma": 0.5,
        "projector_hidden": (512,),
        "views": CLIPART_PAIR,
    }
    return config
