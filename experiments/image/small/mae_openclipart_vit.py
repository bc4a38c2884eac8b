r"""MAE on Open Clip Art with a small vision transformer: within 20 minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/mae_openclipart_vit.py \
        --workdir runs/mae
"""

from experiments.image.common import CLIPART_VIT, openclipart


def get_config():
    """Return the config."""
    # Of one view, of which the encoder sees a quarter.
    config = openclipart(CLIPART_VIT, steps=2400)
    config.objective = {
        "name": "mae",
        "mask_ratio": 0.75,
        "decoder_width": 64,
        "decoder_depth": 2,
        "decoder_heads": 4,
        "views": {"crop": {"crop_scale": (0.4, 1.0), "flip": 0.5}},
    }
    config.optimizer.b2 = 0.95
    return config
