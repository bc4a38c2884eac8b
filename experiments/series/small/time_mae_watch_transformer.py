r"""TimeMAE on the series of a watch: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/series/small/time_mae_watch_transformer.py \
        --workdir runs/time_mae_watch
"""

from experiments.series.common import TRANSFORMER, watch


def get_config():
    """Return the config."""
    config = watch(TRANSFORMER, steps=1200)
    config.objective = {
        "name": "time_mae",
        "codewords": 192,
        "decoder_depth": 2,
    }
    return config
