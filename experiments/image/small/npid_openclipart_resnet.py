r"""NPID on Open Clip Art: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/npid_openclipart_resnet.py \
        --workdir runs/npid
"""

from experiments.image.common import CLIPART_CROP, openclipart


def get_config():
    """Return the config."""
    config = openclipart(steps=800)  # of one view; 34 epochs for the bank
    config.objective = {
        "name": "npid",
        "temperature": 0.1,
        "negatives": 0,  # so few drawings are all compared
        "projector_dim": 128,
        "views": {"crop": CLIPART_CROP},
    }
    return config
