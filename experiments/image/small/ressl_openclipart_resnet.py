r"""ReSSL on Open Clip Art: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/ressl_openclipart_resnet.py \
        --workdir runs/ressl
"""

from experiments.image.common import CLIPART_CROP, openclipart

WEAK = {"crop_scale": (0.5, 1.0), "flip": 0.5}


def get_config():
    """Return the config."""
    config = openclipart(steps=400)
    config.objective = {
        "name": "ressl",
        "temperature": 0.1,
        "teacher_temperature": 0.04,
        "momentum": 0.99,
        "queue_size": 1024,
        "projector_hidden": (512,),
        "projector_dim": 128,
        "projector_norm": True,  # without, so short a run stays near log K
        "views": {"strong": CLIPART_CROP, "weak": WEAK},
    }
    return config
