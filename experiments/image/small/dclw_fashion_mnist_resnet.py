r"""DCLW, which is DCL with weighted positives, on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/dclw_fashion_mnist_resnet.py \
        --workdir runs/dclw
"""

from experiments.image.common import PAIR, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist()
    config.objective = {
        "name": "dcl",
        "temperature": 0.2,
        "sigma": 0.5,
        "projector_hidden": (512,),
        "views": PAIR,
    }
    return config
