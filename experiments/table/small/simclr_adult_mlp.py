r"""SimCLR with SCARF's corruption on Adult: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/table/small/simclr_adult_mlp.py \
        --workdir runs/simclr_adult
"""

from experiments.table.common import MLP, adult


def get_config():
    """Return the config."""
    config = adult(MLP)
    config.objective = {
        "name": "simclr",
        "temperature": 1.0,
        "projector_hidden": (256,),
        "projector_dim": 256,
        "views": {"clean": {"rate": 0.0}, "corrupted": {"rate": 0.6}},
    }
    return config
