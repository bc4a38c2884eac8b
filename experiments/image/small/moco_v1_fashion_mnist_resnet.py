r"""MoCo v1 on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/moco_v1_fashion_mnist_resnet.py \
        --workdir runs/moco_v1
"""

from experiments.image.common import PAIR, RESNET, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist({**RESNET, "bn_groups": 4})  # shuffle-BN in groups of 32 images
    config.objective = {
        "name": "moco_v2",
        "temperature": 0.1,
        "projector_hidden": (),
        "momentum": 0.99,
        "queue_size": 4096,
        "views": PAIR,
    }
    return config
