r"""NNCLR on Open Clip Art: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/nnclr_openclipart_resnet.py \
        --workdir runs/nnclr
"""

from experiments.image.common import CLIPART_PAIR, openclipart


def get_config():
    """Return the config."""
    config = openclipart(steps=400)
    config.objective = {
        "name": "nnclr",
        "temperature": 0.2,
        "queue_size": 1024,
        "projector_hidden": (512,),
        "projector_dim": 128,
        "predictor_hidden": (512,),
        "views": CLIPART_PAIR,
    }
    return config
