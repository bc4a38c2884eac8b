r"""SimCLR on the series of a watch: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/series/small/simclr_watch_convolutions.py \
        --workdir runs/simclr_watch
"""

from experiments.series.common import CONVOLUTIONS, watch


def get_config():
    """Return the config."""
    config = watch(CONVOLUTIONS)
    config.objective = {
        "name": "simclr",
        "temperature": 0.2,
        "projector_hidden": (256,),
    }
    return config
