r"""TS2Vec on sets of the UCR and UEA archives, settings of the paper: minutes on two CPU cores.

    python -m ssljax data prepare ucr:OSULeaf
    python -m ssljax pretrain --config experiments/series/small/ts2vec_ucr_convolutions.py:OSULeaf \
        --workdir runs/ts2vec_osu_leaf

Sets: ItalyPowerDemand (the default), OSULeaf, ACSF1, JapaneseVowels and what else `ssljax data
prepare` takes as ucr:NAME.
"""

from experiments.series.common import PAPER_CONVOLUTIONS
from ssljax.training.config import default_config


def get_config(name: str = "ItalyPowerDemand"):
    """Return the config for a set of that name."""
    config = default_config()
    config.steps = 200  # officially 600 for sets of more than 100,000 values
    config.batch_size = 8
    config.data.source = f"ucr:{name}"
    config.encoder = dict(PAPER_CONVOLUTIONS)
    config.objective = {"name": "ts2vec"}
    config.optimizer.learning_rate = 1e-3
    config.optimizer.schedule = "constant"
    config.optimizer.weight_decay = 0.01
    config.checkpoint.every = 200
    return config
