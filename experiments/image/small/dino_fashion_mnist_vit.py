r"""DINO on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/dino_fashion_mnist_vit.py \
        --workdir runs/dino
"""

from experiments.image.common import CROP, VIT, fashion_mnist
from ssljax.training.param_groups import DEFAULT_PARAM_GROUPS


def get_config():
    """Return the config."""
    config = fashion_mnist(VIT, steps=1000)  # the first 400 teach it little
    config.objective = {
        "name": "dino",
        "prototypes": 1024,
        "head_hidden": (512,),
        "bottleneck": 64,
        "teacher_temperature": 0.04,
        "momentum": 0.98,  # a run of a thousand steps cannot wait for a slower teacher
        "views": {
            "global": {**CROP, "count": 2, "crop_scale": (0.4, 1.0)},
            "local": {**CROP, "count": 2, "size": 14, "crop_scale": (0.1, 0.4)},
        },
    }
    config.optimizer.clip_norm = 3.0
    held = {"name": "prototypes", "match": "^head/prototypes", "frozen_steps": 25}
    config.optimizer.param_groups = (held, *DEFAULT_PARAM_GROUPS)
    return config
