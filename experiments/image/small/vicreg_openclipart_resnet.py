r"""VICReg on Open Clip Art: within 20 minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/vicreg_openclipart_resnet.py \
        --workdir runs/vicreg
"""

from experiments.image.common import CLIPART_PAIR, openclipart


def get_config():
    """Return the config."""
    config = openclipart()
    config.objective = {
        "name": "vicreg",
        "projector_hidden": (512, 512),
        "projector_dim": 512,
        "views": CLIPART_PAIR,
    }
    return config
