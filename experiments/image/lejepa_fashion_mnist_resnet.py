r"""LeJEPA on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/lejepa_fashion_mnist_resnet.py \
        --workdir runs/lejepa
"""

from experiments.image.common import CROP, PAIR, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist(steps=500)
    small = {**CROP, "count": 2, "crop_scale": (0.05, 0.2)}  # of the image, enlarged as the others
    config.objective = {
        "name": "lejepa",
        "weight": 0.05,
        "directions": 256,
        "projector_hidden": (512,),
        "projector_dim": 32,
        "views": {**PAIR, "small_crop": small},
    }
    return config
