"""SimCLR on Fashion-MNIST with a small ResNet: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/quickstart.py --workdir runs/quickstart

With another source as its argument (`quickstart.py:sklearn:digits`) it trains on that instead.
"""

from ssljax.training.config import default_config

DIGITS = "sklearn:digits"  # 8x8 pixels, where Fashion-MNIST cannot be had


def get_config(source="tfds:fashion_mnist"):
    """Return the config."""
    config = default_config()
    config.steps = 1500 if source != DIGITS else 400
    config.batch_size = 128
    config.data.source = source

    config.encoder = {
        "name": "resnet",
        "stage_sizes": (1, 1, 1),
        "width": 32,
        "stem": "small_stride2" if source != DIGITS else "small",
        "pool": 3 if source != DIGITS else 2,
    }
    config.objective = {
        "name": "simclr",
        "temperature": 0.2,
        "projector_hidden": (512,),
        "views": {
            "crop": {
                "count": 2,
                "crop_scale": (0.2, 1.0),
                "flip": 0.5 if source != DIGITS else 0.0,
                "brightness": 0.4,
                "contrast": 0.4,
            }
        },
    }
    config.optimizer.learning_rate = 3e-3
    config.optimizer.warmup_steps = config.steps // 10
    config.optimizer.weight_decay = 1e-4
    config.checkpoint.every = 500
    return config
