r"""DeepCluster-v2 on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain \
        --config experiments/image/small/deepcluster_v2_fashion_mnist_resnet.py \
        --workdir runs/deepcluster_v2
"""

from experiments.image.common import PAIR, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist(steps=2 * 468)  # two epochs: the first learns from random features
    config.objective = {
        "name": "deepcluster_v2",
        "prototypes": (256, 256, 256),
        "projector_hidden": (512,),
        "views": PAIR,
    }
    return config
