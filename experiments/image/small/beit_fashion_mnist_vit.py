r"""BEiT on Fashion-MNIST: minutes on two CPU cores, after its tokenizer.

    python -m ssljax pretrain --config experiments/image/small/vq_vae_fashion_mnist_vit.py \
        --workdir runs/vq_vae
    python -m ssljax pretrain --config experiments/image/small/beit_fashion_mnist_vit.py \
        --workdir runs/beit

With the tokenizer of another workdir as its argument (`beit_fashion_mnist_vit.py:DIR`) it starts
from that.
"""

from experiments.image.common import VIT, fashion_mnist, tokenizer_of


def get_config(tokenizer="runs/vq_vae"):
    """Return the config."""
    config = fashion_mnist(VIT, steps=600)  # of one view
    config.objective = {
        "name": "beit",
        "tokenizer": {"encoder": VIT, "codes": 256, "code_dim": 32},
        "mask_patches": 7,
        "smallest_block": 2,
        "views": {"crop": {"crop_scale": (0.2, 1.0), "flip": 0.5}},
    }
    config.init_from = tokenizer_of(tokenizer)
    return config
