r"""I-JEPA on Open Clip Art: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/i_jepa_openclipart_vit.py \
        --workdir runs/i_jepa
"""

from experiments.image.common import CLIPART_VIT8, openclipart


def get_config():
    """Return the config."""
    config = openclipart(CLIPART_VIT8, steps=800)  # of one view
    config.objective = {
        "name": "i_jepa",
        "predictor_width": 64,
        "predictor_depth": 2,
        "momentum": 0.99,
        "views": {"crop": {"crop_scale": (0.3, 1.0)}},
    }
    return config
