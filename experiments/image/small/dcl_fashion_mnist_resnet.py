r"""DCL on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/dcl_fashion_mnist_resnet.py \
        --workdir runs/dcl
"""

from experiments.image.common import PAIR, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist()
    config.objective = {
        "name": "dcl",
        "temperature": 0.2,
        "projector_hidden": (512,),
        "views": PAIR,
    }
    return config
