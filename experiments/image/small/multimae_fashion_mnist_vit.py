r"""MultiMAE on Fashion-MNIST and the edges of its images: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/multimae_fashion_mnist_vit.py \
        --workdir runs/multimae

A small vision transformer sees a quarter of the patches of an image and of its edges, which are
made of the view on the device. Evaluation shows it images alone. To be compared with
mae_fashion_mnist_vit.py.
"""

from experiments.image.common import VIT, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist(VIT, steps=1200)
    config.objective = {
        "name": "multimae",
        "decoder_width": 64,
        "decoder_depth": 2,
        "decoder_heads": 4,
        "views": {"crop": {"crop_scale": (0.4, 1.0), "flip": 0.5}},
    }
    config.optimizer.b2 = 0.95
    return config
