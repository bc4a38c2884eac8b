r"""SimCLR on Open Clip Art: within 20 minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/simclr_openclipart_resnet.py \
        --workdir runs/simclr
"""

from experiments.image.common import CLIPART_PAIR, openclipart


def get_config():
    """Return the config."""
    config = openclipart()
    config.objective = {
        "name": "simclr",
        "temperature": 0.2,
        "projector_hidden": (512,),
        "views": CLIPART_PAIR,
    }
    return config
