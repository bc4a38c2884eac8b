"""What the experiments on series have in common: the data, two small encoders.

Sensors of a watch (seglearn): windows of 128 times of 6 channels at 50 Hz, 2,460 of seven people to
learn from and 583 of three others to be tested on, 7 exercises. `ssljax data prepare seglearn`
fetches them.
"""

from ml_collections import ConfigDict

from ssljax.training.config import default_config

TRANSFORMER = {
    "name": "series_transformer",
    "patch_size": 8,
    "length": 128,
    "width": 64,
    "depth": 4,
    "heads": 4,
}
CONVOLUTIONS = {"name": "ts2vec", "hidden": 32, "out": 128, "depth": 6}
PAPER_CONVOLUTIONS = {"name": "ts2vec", "hidden": 64, "out": 320, "depth": 10}


def watch(encoder: dict, *, steps: int = 400) -> ConfigDict:
    """Return a config for the series of a watch, all but the objective."""
    config = default_config()
    config.steps = steps
    config.batch_size = 128
    config.data.source = "seglearn:watch"
    config.encoder = dict(encoder)
    config.optimizer.learning_rate = 1e-3
    config.optimizer.warmup_steps = steps // 10
    config.optimizer.weight_decay = 0.01
    config.checkpoint.every = 500
    return config
