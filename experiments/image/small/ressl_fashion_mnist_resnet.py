r"""ReSSL on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/ressl_fashion_mnist_resnet.py \
        --workdir runs/ressl
"""

from experiments.image.common import CROP, fashion_mnist

WEAK = {"crop_scale": (0.5, 1.0), "flip": 0.5}


def get_config():
    """Return the config."""
    config = fashion_mnist()
    config.objective = {
        "name": "ressl",
        "temperature": 0.1,
        "teacher_temperature": 0.04,
        "momentum": 0.99,
        "queue_size": 4096,
        "projector_hidden": (512,),
        "projector_dim": 128,
        "projector_norm": True,  # without, so short a run stays near log K
        "views": {"strong": CROP, "weak": WEAK},
    }
    return config
