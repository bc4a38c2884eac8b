r"""DeepCluster-v2 on the series of a watch: minutes on two CPU cores.

    python -m ssljax pretrain \
        --config experiments/series/small/deepcluster_v2_watch_convolutions.py \
        --workdir runs/deepcluster_v2_watch
"""

from experiments.series.common import CONVOLUTIONS, watch


def get_config():
    """Return the config."""
    config = watch(CONVOLUTIONS)
    config.objective = {
        "name": "deepcluster_v2",
        "prototypes": (64, 64, 64),
        "projector_hidden": (256,),
    }
    return config
