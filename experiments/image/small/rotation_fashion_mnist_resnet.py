r"""Rotation on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/rotation_fashion_mnist_resnet.py \
        --workdir runs/rotation

A step sees each of its 64 images in four turns, so as much as two views of 128.
"""

from experiments.image.common import fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist()
    config.batch_size = 64
    config.objective = {
        "name": "rotation",
        "views": {"crop": {"crop_scale": (0.6, 1.0), "flip": 0.5}},
    }
    return config
