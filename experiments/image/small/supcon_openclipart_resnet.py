r"""SupCon, which is shown the labels, on Open Clip Art: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/supcon_openclipart_resnet.py \
        --workdir runs/supcon
"""

from experiments.image.common import CLIPART_PAIR, openclipart


def get_config():
    """Return the config."""
    config = openclipart(steps=400)
    config.data.split = "train"  # the drawings with labels
    config.data.labels = True
    config.objective = {
        "name": "supcon",
        "temperature": 0.1,
        "projector_hidden": (512,),
        "views": CLIPART_PAIR,
    }
    return config
