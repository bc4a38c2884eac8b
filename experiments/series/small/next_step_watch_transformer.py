r"""Next-step prediction on the series of a watch: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/series/small/next_step_watch_transformer.py \
        --workdir runs/next_step_watch
"""

from experiments.series.common import TRANSFORMER, watch


def get_config():
    """Return the config."""
    config = watch(TRANSFORMER, steps=1200)
    config.objective = {"name": "next_step"}
    config.encoder.causal = True
    return config
