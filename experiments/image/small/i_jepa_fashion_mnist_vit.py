r"""I-JEPA on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/i_jepa_fashion_mnist_vit.py \
        --workdir runs/i_jepa
"""

from experiments.image.common import VIT, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist(VIT, steps=600)  # of one view
    config.objective = {
        "name": "i_jepa",
        "predictor_width": 64,
        "predictor_depth": 2,
        "momentum": 0.99,
        "views": {"crop": {"crop_scale": (0.3, 1.0)}},
    }
    return config
