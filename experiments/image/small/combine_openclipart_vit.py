r"""SimCLR and MAE together on Open Clip Art, on one transformer: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/combine_openclipart_vit.py \
        --workdir runs/combine

An example of combining tasks; no paper. The features are evaluated as SimCLR's are.
"""

from experiments.image.common import CLIPART_PAIR, CLIPART_VIT8, openclipart


def get_config():
    """Return the config."""
    config = openclipart(CLIPART_VIT8, steps=400)
    config.objective = {
        "name": "combine",
        "weights": {"simclr": 1.0, "mae": 1.0},
        "tasks": {
            "simclr": {
                "name": "simclr",
                "temperature": 0.2,
                "projector_hidden": (512,),
                "views": CLIPART_PAIR,
            },
            "mae": {
                "name": "mae",
                "decoder_width": 64,
                "decoder_depth": 2,
                "decoder_heads": 4,
                "views": {"crop": {"crop_scale": (0.4, 1.0), "flip": 0.5}},
            },
        },
    }
    return config
