r"""CLIP of emoji and their names: minutes on two CPU cores.

    npm pack emoji-datasource-google@16.0.0
    python -m experiments.image.emoji emoji-datasource-google-16.0.0.tgz emoji.npz
    python -m ssljax pretrain --config experiments/pairs/small/clip_emoji_resnet.py \
        --workdir runs/clip
    python -m ssljax evaluate --workdir runs/clip --protocol retrieval

Images are brought to 32 pixels; the tokens of a name are its bytes. Nothing is flipped: names say
left and right.
"""

from experiments.image.common import RESNET
from ssljax.training.config import default_config


def get_config(source="npz:emoji.npz"):
    """Return the config."""
    config = default_config()
    config.steps = 600
    config.batch_size = 128
    config.data.source = source
    config.data.image_size = 32
    config.data.length = 80  # bytes, as many as the longest name has
    config.encoder = dict(RESNET)
    config.encoders = {
        "text": {"name": "text_transformer", "length": 80, "width": 64, "depth": 2, "heads": 4}
    }
    config.objective = {
        "name": "clip",
        "views": {"crop": {"crop_scale": (0.5, 1.0), "brightness": 0.2, "contrast": 0.2}},
        "projector_dim": 128,
    }
    config.optimizer.learning_rate = 1e-3
    config.optimizer.warmup_steps = 60
    config.optimizer.weight_decay = 0.1
    return config
