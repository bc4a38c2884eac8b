r"""BYOL on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/byol_fashion_mnist_resnet.py \
        --workdir runs/byol
"""

from experiments.image.common import PAIR, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist()
    config.objective = {
        "name": "byol",
        "momentum": 0.99,  # a run of hundreds of steps cannot wait for a slower teacher
        "projector_hidden": (512,),
        "projector_dim": 128,
        "predictor_hidden": (512,),
        "views": PAIR,
    }
    return config
