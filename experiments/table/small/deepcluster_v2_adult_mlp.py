r"""DeepCluster-v2 on Adult: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/table/small/deepcluster_v2_adult_mlp.py \
        --workdir runs/deepcluster_v2_adult
"""

from experiments.table.common import MLP, adult


def get_config():
    """Return the config."""
    config = adult(MLP)
    config.objective = {
        "name": "deepcluster_v2",
        "prototypes": (64, 64, 64),
        "projector_hidden": (256,),
    }
    return config
