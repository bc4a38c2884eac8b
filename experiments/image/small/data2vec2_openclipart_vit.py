r"""data2vec 2.0 on Open Clip Art: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/data2vec2_openclipart_vit.py \
        --workdir runs/data2vec2

Four masks of an image instead of sixteen, and convolutions not in groups, which are slow on a CPU.
Features are the mean of the patches, so there is no loss on the class token.
"""

from experiments.image.common import CLIPART_VIT8, openclipart


def get_config():
    """Return the config."""
    config = openclipart(CLIPART_VIT8, steps=800)  # of one view
    config.objective = {
        "name": "data2vec2",
        "masks": 4,
        "mask_ratio": 0.7,
        "mask_block": 2,
        "top_layers": 4,
        "class_weight": 0.0,
        "momentum": 0.99,
        "final_momentum": 0.999,
        "decoder_width": 64,
        "decoder_depth": 3,
        "decoder_groups": 1,
        "views": {"crop": {"crop_scale": (0.2, 1.0), "flip": 0.5}},
    }
    return config
