r"""VQ-VAE on Fashion-MNIST: 49 tokens of 4x4 pixels, 256 codes; minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/vq_vae_fashion_mnist_vit.py \
        --workdir runs/vq_vae

Its run is the tokenizer of BEiT, whose patches are the same.
"""

from experiments.image.common import VIT, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist(VIT, steps=600)  # of one view
    config.objective = {
        "name": "vq_vae",
        "codes": 256,
        "code_dim": 32,
        "codebook_decay": 0.97,
        "decoder_width": 64,
        "views": {"crop": {"crop_scale": (0.5, 1.0), "flip": 0.5}},
    }
    return config
