r"""W-MSE on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/w_mse_fashion_mnist_resnet.py \
        --workdir runs/w_mse
"""

from experiments.image.common import PAIR, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist()
    config.objective = {
        "name": "w_mse",
        "group_size": 128,
        "projector_hidden": (512,),
        "projector_dim": 64,
        "views": PAIR,
    }
    return config
