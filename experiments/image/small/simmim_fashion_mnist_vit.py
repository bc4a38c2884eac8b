r"""SimMIM on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/simmim_fashion_mnist_vit.py \
        --workdir runs/simmim
"""

from experiments.image.common import VIT, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist(VIT, steps=600)  # of one view
    config.objective = {
        "name": "simmim",
        "mask_unit": 7,  # a patch
        "mask_ratio": 0.6,
        "views": {"crop": {"crop_scale": (0.67, 1.0), "flip": 0.5}},
    }
    return config
