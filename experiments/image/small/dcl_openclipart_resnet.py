r"""DCL on Open Clip Art: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/dcl_openclipart_resnet.py \
        --workdir runs/dcl
"""

from experiments.image.common import CLIPART_PAIR, openclipart


def get_config():
    """Return the config."""
    config = openclipart(steps=400)
    config.objective = {
        "name": "dcl",
        "temperature": 0.2,
        "projector_hidden": (512,),
        "views": CLIPART_PAIR,
    }
    return config
