r"""SimMIM on Open Clip Art: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/simmim_openclipart_vit.py \
        --workdir runs/simmim
"""

from experiments.image.common import CLIPART_VIT8, openclipart


def get_config():
    """Return the config."""
    config = openclipart(CLIPART_VIT8, steps=800)  # of one view
    config.objective = {
        "name": "simmim",
        "mask_unit": 8,  # a patch
        "mask_ratio": 0.6,
        "views": {"crop": {"crop_scale": (0.67, 1.0), "flip": 0.5}},
    }
    return config
