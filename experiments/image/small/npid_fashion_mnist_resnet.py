r"""NPID on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/npid_fashion_mnist_resnet.py \
        --workdir runs/npid
"""

from experiments.image.common import CROP, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist(steps=1400)  # one view a step, and three epochs for the bank
    config.objective = {
        "name": "npid",
        "temperature": 0.1,
        "negatives": 4096,
        "projector_dim": 128,
        "views": {"crop": CROP},
    }
    return config
