r"""Relative location on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain \
        --config experiments/image/small/relative_location_fashion_mnist_resnet.py \
        --workdir runs/relative_location

Cells are of 9 pixels, tiles of 8. The encoder's stem keeps their size and its features are those of
2x2 cells, as the common one's 4x4 cells and stride need images of 25 pixels: compare the result to
that encoder before training.
"""

from experiments.image.common import RESNET, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist({**RESNET, "stem": "small", "pool": 2})
    config.objective = {
        "name": "relative_location",
        "views": {"crop": {"crop_scale": (0.8, 1.0), "flip": 0.5}},
        "tile": 0.85,
        "jitter": 1.0,
        "color": "keep",
        "neighbours": 8,
        "projector_dim": 128,
        "classifier_hidden": (512,),
    }
    return config
