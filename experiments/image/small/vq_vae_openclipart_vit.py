r"""VQ-VAE on Open Clip Art: 16 tokens of 8x8 pixels, 256 codes; minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/vq_vae_openclipart_vit.py \
        --workdir runs/vq_vae

Its run is the tokenizer of BEiT, whose patches are the same.
"""

from experiments.image.common import CLIPART_VIT8, openclipart


def get_config():
    """Return the config."""
    config = openclipart(CLIPART_VIT8, steps=800)  # of one view
    config.objective = {
        "name": "vq_vae",
        "codes": 256,
        "code_dim": 32,
        "codebook_decay": 0.97,
        "decoder_width": 64,
        "views": {"crop": {"crop_scale": (0.5, 1.0), "flip": 0.5}},
    }
    return config
