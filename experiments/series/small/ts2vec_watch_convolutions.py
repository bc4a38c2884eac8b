r"""TS2Vec on the series of a watch: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/series/small/ts2vec_watch_convolutions.py \
        --workdir runs/ts2vec_watch
"""

from experiments.series.common import CONVOLUTIONS, watch


def get_config():
    """Return the config."""
    config = watch(CONVOLUTIONS, steps=600)
    config.objective = {"name": "ts2vec"}
    config.batch_size = 16  # the paper's
    return config
