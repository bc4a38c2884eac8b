r"""VICReg on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/vicreg_fashion_mnist_resnet.py \
        --workdir runs/vicreg
"""

from experiments.image.common import PAIR, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist()
    config.objective = {
        "name": "vicreg",
        "projector_hidden": (512, 512),
        "projector_dim": 512,
        "views": PAIR,
    }
    return config
