r"""Barlow Twins on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain \
        --config experiments/image/small/barlow_twins_fashion_mnist_resnet.py \
        --workdir runs/barlow_twins
"""

from experiments.image.common import PAIR, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist()
    config.objective = {
        "name": "barlow_twins",
        "off_diagonal_weight": 0.02,  # fewer features than the paper's 8192, so fewer such terms
        "projector_hidden": (512, 512),
        "projector_dim": 512,
        "views": PAIR,
    }
    return config
