r"""VIME on Adult: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/table/small/vime_adult_mlp.py \
        --workdir runs/vime_adult
"""

from experiments.table.common import MLP, adult


def get_config():
    """Return the config."""
    config = adult(MLP)
    config.objective = {
        "name": "vime",
        "rate": 0.3,
        "alpha": 2.0,
    }
    return config
