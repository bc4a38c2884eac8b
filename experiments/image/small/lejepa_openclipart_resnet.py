r"""LeJEPA on Open Clip Art: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/lejepa_openclipart_resnet.py \
        --workdir runs/lejepa
"""

from experiments.image.common import CLIPART_CROP, openclipart


def get_config():
    """Return the config."""
    config = openclipart(steps=400)
    config.objective = {
        "name": "lejepa",
        "weight": 0.05,
        "directions": 256,
        "projector_hidden": (512,),
        "projector_dim": 32,
        "views": {"crop": {**CLIPART_CROP, "count": 4, "crop_scale": (0.1, 1.0)}},
    }
    return config
