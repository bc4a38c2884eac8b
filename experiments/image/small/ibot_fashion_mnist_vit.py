r"""iBOT on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/ibot_fashion_mnist_vit.py \
        --workdir runs/ibot
"""

from experiments.image.common import CROP, VIT, fashion_mnist
from ssljax.training.param_groups import DEFAULT_PARAM_GROUPS


def get_config():
    """Return the config."""
    config = fashion_mnist(VIT)
    config.objective = {
        "name": "ibot",
        "prototypes": 512,
        "head_hidden": (256,),
        "bottleneck": 64,
        "temperature_steps": 125,
        "momentum": 0.99,  # a run of hundreds of steps cannot wait for a slower teacher
        "views": {
            "global": {**CROP, "count": 2, "crop_scale": (0.4, 1.0)},
            "local": {**CROP, "count": 2, "size": 14, "crop_scale": (0.1, 0.4)},
        },
    }
    config.optimizer.clip_norm = 3.0
    held = {"name": "prototypes", "match": "^head/prototypes", "frozen_steps": 25}
    config.optimizer.param_groups = (held, *DEFAULT_PARAM_GROUPS)
    return config
