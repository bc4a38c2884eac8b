r"""SimCLR on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/simclr_fashion_mnist_resnet.py \
        --workdir runs/simclr
"""

from experiments.image.common import PAIR, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist()
    config.objective = {
        "name": "simclr",
        "temperature": 0.2,
        "projector_hidden": (512,),
        "views": PAIR,
    }
    return config
