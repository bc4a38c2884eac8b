"""What the papers' recipes on videos have in common: sets that have to be brought along.

Videos lie in a folder as `video:` takes them. They are resized to 256 pixels at the rate that the
recipe takes frames at, so that the clips have every frame: 16 frames 4 apart at 30 frames a second
are 16 at 7.5. Decoded frames take 2.9 terabytes for Kinetics-400 at 7.5 frames a second; where that
is too much, `size=224`.
"""

from ml_collections import ConfigDict

from experiments.image.common import TIMM
from ssljax.training.config import default_config

# Videos of the training splits, as the papers give them.
KINETICS_400 = "video:/data/kinetics400?fps=7.5&size=256"
KINETICS_600 = "video:/data/kinetics600?fps=15&size=256"
VIDEO_MIX = "video:/data/videomix2m?fps=7.5&size=256"
VIDEO_MIX_4 = "video:/data/videomix2m?fps=4&size=256"
EXAMPLES = {
    KINETICS_400: 240_436,
    KINETICS_600: 366_000,
    VIDEO_MIX: 2_000_000,
    VIDEO_MIX_4: 2_000_000,
}
TRANSFORMER = {
    "name": "video_transformer",
    "tubelet": 2,
    "patch_size": 16,
    "image_size": 224,
    "frames": 16,
    "dtype": "bfloat16",
}
VIT_B = {**TRANSFORMER, "width": 768, "depth": 12, "heads": 12}
VIT_L = {**TRANSFORMER, "width": 1024, "depth": 24, "heads": 16}


def videos(source: str, encoder: dict, *, batch_size: int, steps: int) -> ConfigDict:
    """Return a config for clips of 16 frames, all but objective and optimizer."""
    config = default_config()
    config.steps = steps
    config.batch_size = batch_size
    config.data.source = source
    config.data.length = 16
    config.data.stride = 1
    config.data.workers = 32
    config.encoder = dict(encoder)
    config.optimizer.name = "adamw"
    config.optimizer.param_groups = TIMM
    config.checkpoint.every = 5000
    config.evaluation.test_split = "validation"
    config.evaluation.clips = 5
    return config


def steps_per_epoch(source: str, batch_size: int) -> int:
    """Return the steps in which every video is seen once."""
    return EXAMPLES[source] // batch_size
