"""What the experiments on videos have in common: the data, a small transformer.

Animated emoji (Microsoft's Fluent): 499 animations of 24 frames, 8 a second, 48x48 pixels, to learn
from without labels. 69 emoji come in six tones of skin; the dark one of each is held out. The score
is how many dark ones find their emoji among the light ones alone, the tones that differ most.
`ssljax data prepare emoji_anim` fetches them.
"""

from ml_collections import ConfigDict

from ssljax.training.config import default_config

FRAMES, STRIDE = 8, 2
TRANSFORMER = {
    "name": "video_transformer",
    "tubelet": 2,
    "patch_size": 12,
    "image_size": 48,
    "frames": FRAMES,
    "width": 96,
    "depth": 4,
    "heads": 4,
}
# CVRL's crop and kinds of colour changes, half as strong: on a white ground its brightness, a
# factor from .2 to 1.8, is most of what an encoder sees.
COLOURED_CROP = {
    "crop_scale": (0.3, 1.0),
    "flip": 0.5,
    "brightness": 0.4,
    "contrast": 0.4,
    "saturation": 0.4,
    "hue": 0.1,
    "jitter_prob": 0.8,
    "grey_prob": 0.2,
}


def emoji_anim(*, steps: int) -> ConfigDict:
    """Return a config for animated emoji, all but the objective."""
    config = default_config()
    config.steps = steps
    config.batch_size = 64
    config.data.source = "npm:emoji_anim"
    config.data.split = "unlabelled"
    config.data.length = FRAMES
    config.data.stride = STRIDE
    config.encoder = dict(TRANSFORMER)
    config.optimizer.learning_rate = 1e-3
    config.optimizer.warmup_steps = steps // 10
    config.optimizer.weight_decay = 0.05
    config.checkpoint.every = 500
    config.evaluation.train_split = "light"
    config.evaluation.clips = 2
    config.evaluation.knn_k = 1
    config.evaluation.probes = ("knn",)
    return config
