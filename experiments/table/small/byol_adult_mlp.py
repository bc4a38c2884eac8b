r"""BYOL on Adult: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/table/small/byol_adult_mlp.py \
        --workdir runs/byol_adult
"""

from experiments.table.common import MLP, adult


def get_config():
    """Return the config."""
    config = adult(MLP)
    config.objective = {
        "name": "byol",
        "momentum": 0.98,
        "projector_hidden": (256,),
        "projector_dim": 128,
        "predictor_hidden": (256,),
    }
    return config
