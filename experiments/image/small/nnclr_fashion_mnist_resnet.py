r"""NNCLR on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/nnclr_fashion_mnist_resnet.py \
        --workdir runs/nnclr
"""

from experiments.image.common import PAIR, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist()
    config.objective = {
        "name": "nnclr",
        "temperature": 0.2,
        "queue_size": 4096,
        "projector_hidden": (512,),
        "projector_dim": 128,
        "predictor_hidden": (512,),
        "views": PAIR,
    }
    return config
