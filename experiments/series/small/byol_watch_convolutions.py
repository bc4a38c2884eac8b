r"""BYOL on the series of a watch: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/series/small/byol_watch_convolutions.py \
        --workdir runs/byol_watch
"""

from experiments.series.common import CONVOLUTIONS, watch


def get_config():
    """Return the config."""
    config = watch(CONVOLUTIONS)
    config.objective = {
        "name": "byol",
        "momentum": 0.98,
        "projector_hidden": (256,),
        "projector_dim": 128,
        "predictor_hidden": (256,),
    }
    return config
