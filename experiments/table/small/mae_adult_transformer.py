r"""MAE of columns on Adult: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/table/small/mae_adult_transformer.py \
        --workdir runs/mae_adult
"""

from experiments.table.common import TRANSFORMER, adult


def get_config():
    """Return the config."""
    config = adult(TRANSFORMER)
    config.objective = {
        "name": "mae",
        "mask_ratio": 0.5,
        "decoder_width": 64,
        "decoder_depth": 2,
        "decoder_heads": 4,
    }
    return config
