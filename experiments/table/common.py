"""What the experiments on tables have in common: the data, two small encoders.

Adult (UCI): 32,561 rows to learn from and 16,281 to be tested on, 6 numbers and 8 categories of a
person, and whether the income is above 50,000 dollars. `ssljax data prepare adult` fetches it.
"""

from ml_collections import ConfigDict

from ssljax.training.config import default_config

MLP = {"name": "table_mlp", "hidden": (256, 256, 256, 256)}
TRANSFORMER = {"name": "table_transformer", "width": 64, "depth": 3, "heads": 8, "pool": "mean"}


def adult(encoder: dict = MLP, *, steps: int = 1000) -> ConfigDict:
    """Return a config for Adult, all but the objective."""
    config = default_config()
    config.steps = steps
    config.batch_size = 128
    config.data.source = "uci:adult"
    config.encoder = dict(encoder)
    config.optimizer.learning_rate = 1e-3
    config.optimizer.warmup_steps = steps // 10
    config.optimizer.weight_decay = 1e-4
    config.checkpoint.every = 500
    config.evaluation.few_labels = (100, 1000)
    return config
