r"""SwAV on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/swav_fashion_mnist_resnet.py \
        --workdir runs/swav
"""

from experiments.image.common import CROP, PAIR, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist(steps=300)
    small = {**CROP, "count": 2, "crop_scale": (0.05, 0.2)}  # of the image, enlarged as the others
    config.objective = {
        "name": "swav",
        "prototypes": 256,
        "queue_size": 1024,  # a batch of 128 cannot be spread over 256 prototypes
        "queue_start": 50,
        "projector_hidden": (512,),
        "views": {**PAIR, "small_crop": small},
    }
    config.optimizer.param_groups = (
        {"name": "prototypes", "match": "^prototypes/", "frozen_steps": 50, "weight_decay": 0.0},
        {"name": "no_decay", "match": r"(^|/)(bias|scale)$", "weight_decay": 0.0},
        {"name": "rest", "match": ".*"},
    )
    return config
