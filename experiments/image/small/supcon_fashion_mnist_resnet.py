r"""SupCon, which is shown the labels, on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/supcon_fashion_mnist_resnet.py \
        --workdir runs/supcon
"""

from experiments.image.common import PAIR, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist()
    config.data.labels = True
    config.objective = {
        "name": "supcon",
        "temperature": 0.1,
        "projector_hidden": (512,),
        "views": PAIR,
    }
    return config
