r"""BEiT on Open Clip Art: minutes on two CPU cores, after its tokenizer.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/vq_vae_openclipart_vit.py \
        --workdir runs/vq_vae
    python -m ssljax pretrain --config experiments/image/small/beit_openclipart_vit.py \
        --workdir runs/beit

With the tokenizer of another workdir as its argument (`beit_openclipart_vit.py:DIR`) it starts
from that.
"""

from experiments.image.common import CLIPART_VIT8, openclipart, tokenizer_of


def get_config(tokenizer="runs/vq_vae"):
    """Return the config."""
    config = openclipart(CLIPART_VIT8, steps=800)  # of one view
    config.objective = {
        "name": "beit",
        "tokenizer": {"encoder": CLIPART_VIT8, "codes": 256, "code_dim": 32},
        "mask_patches": 7,
        "smallest_block": 2,
        "views": {"crop": {"crop_scale": (0.2, 1.0), "flip": 0.5}},
    }
    config.init_from = tokenizer_of(tokenizer)
    return config
