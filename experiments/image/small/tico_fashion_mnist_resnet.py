r"""TiCo on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/tico_fashion_mnist_resnet.py \
        --workdir runs/tico
"""

from experiments.image.common import PAIR, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist()
    config.objective = {
        "name": "tico",
        "weight": 8.0,
        "covariance_momentum": 0.9,
        "momentum": 0.99,
        "projector_hidden": (512,),
        "projector_dim": 128,
        "views": PAIR,
    }
    return config
