r"""Jigsaw on Open Clip Art: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/jigsaw_openclipart_resnet.py \
        --workdir runs/jigsaw

Cells are of 10 pixels, tiles of 8. The encoder's stem keeps their size, as the common one's stride
and cells need images of 25 pixels: compare the result to that encoder before training.
"""

from experiments.image.common import CLIPART_RESNET, openclipart


def get_config():
    """Return the config."""
    config = openclipart({**CLIPART_RESNET, "stem": "small", "pool": 2}, steps=400)
    config.objective = {
        "name": "jigsaw",
        "views": {"crop": {"crop_scale": (0.8, 1.0), "flip": 0.5}},
        "permutations": 100,
        "orders": 4,
        "projector_dim": 128,
        "classifier_hidden": (512,),
    }
    return config
