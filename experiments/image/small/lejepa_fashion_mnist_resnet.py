r"""LeJEPA on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/lejepa_fashion_mnist_resnet.py \
        --workdir runs/lejepa
"""

from experiments.image.common import CROP, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist(steps=300)
    config.objective = {
        "name": "lejepa",
        "weight": 0.05,
        "directions": 256,
        "projector_hidden": (512,),
        "projector_dim": 32,
        "views": {"crop": {**CROP, "count": 4, "crop_scale": (0.1, 1.0)}},
    }
    return config
