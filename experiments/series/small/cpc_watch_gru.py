r"""CPC on the series of a watch: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/series/small/cpc_watch_gru.py \
        --workdir runs/cpc_watch

A vector for each four times, .08 s; eight steps ahead are .64 s.
"""

from experiments.series.common import watch


def get_config():
    """Return the config."""
    config = watch({"name": "series_gru", "norm": "layer"}, steps=400)
    config.objective = {"name": "cpc", "steps": 8, "negatives": 64, "temperature": 8.0}
    return config
