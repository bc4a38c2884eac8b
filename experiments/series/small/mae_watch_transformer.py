r"""MAE on the series of a watch: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/series/small/mae_watch_transformer.py \
        --workdir runs/mae_watch
"""

from experiments.series.common import TRANSFORMER, watch


def get_config():
    """Return the config."""
    config = watch(TRANSFORMER, steps=1200)
    config.objective = {
        "name": "mae",
        "mask_ratio": 0.75,
        "decoder_width": 64,
        "decoder_depth": 2,
        "decoder_heads": 4,
    }
    return config
