r"""DINO on Open Clip Art: within 20 minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/dino_openclipart_resnet.py \
        --workdir runs/dino

The encoder is a ResNet, which the paper trains too: with the small vision transformer of
`mae_openclipart_vit.py` a step takes 2 seconds on one core, and 1,200 of them more than that time.
"""

from experiments.image.common import CLIPART_CROP, openclipart
from ssljax.training.param_groups import DEFAULT_PARAM_GROUPS


def get_config():
    """Return the config."""
    config = openclipart()
    config.objective = {
        "name": "dino",
        "prototypes": 1024,
        "head_hidden": (512,),
        "bottleneck": 64,
        "teacher_temperature": 0.04,
        "momentum": 0.99,  # a run of a thousand steps cannot wait for a slower teacher
        "views": {
            "global": {**CLIPART_CROP, "count": 2, "crop_scale": (0.4, 1.0)},
            "local": {**CLIPART_CROP, "count": 2, "size": 16, "crop_scale": (0.1, 0.4)},
        },
    }
    config.optimizer.clip_norm = 3.0
    held = {"name": "prototypes", "match": "^head/prototypes", "frozen_steps": 25}
    config.optimizer.param_groups = (held, *DEFAULT_PARAM_GROUPS)
    return config
