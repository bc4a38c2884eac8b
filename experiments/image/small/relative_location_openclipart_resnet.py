r"""Relative location on Open Clip Art: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain \
        --config experiments/image/small/relative_location_openclipart_resnet.py \
        --workdir runs/relative_location

Cells are of 10 pixels, tiles of 8. The encoder's stem keeps their size, as the common one's stride
and cells need images of 25 pixels: compare the result to that encoder before training.
"""

from experiments.image.common import CLIPART_RESNET, openclipart


def get_config():
    """Return the config."""
    config = openclipart({**CLIPART_RESNET, "stem": "small", "pool": 2}, steps=400)
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
