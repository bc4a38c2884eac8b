r"""MAE on Fashion-MNIST with a small vision transformer: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/mae_fashion_mnist_vit.py \
        --workdir runs/mae
"""

from experiments.image.common import VIT, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist(VIT, steps=1200)  # of one view, of which the encoder sees a quarter
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
