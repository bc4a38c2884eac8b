"""SimCLR on Fashion-MNIST with a small ResNet: minutes on two CPU cores.

python -m ssljax pretrain --config experiments/quickstart.py --workdir runs/quickstart
"""

from ssljax.training.config import default_config


def get_config():
    """Return the config."""
    config = default_config()
    config.steps = 2000
    config.batch_size = 128
    config.data.source = "tfds:fashion_mnist"

    config.encoder = {
        "name": "resnet",
        "stage_sizes": (1, 1, 1),
        "width": 32,
        "stem": "small_stride2",
        "pool": 4,
    }
    config.objective = {
        "name": "simclr",
        "temperature": 0.2,
        "projector_hidden": (512,),
        "views": {
            "crop": {
                "count": 2,
                "crop_scale": (0.2, 1.0),
                "flip": 0.5,
                "brightness": 0.4,
                "contrast": 0.4,
            }
        },
    }
    config.optimizer.learning_rate = 3e-3
    config.optimizer.warmup_steps = 200
    config.optimizer.weight_decay = 1e-4
    config.checkpoint.every = 500
    return config
