r"""data2vec on waves of spoken prompts: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/audio/small/data2vec_asterisk_waves.py \
        --workdir runs/data2vec_asterisk
"""

from experiments.audio.common import prompts
from experiments.audio.waves import LAYERS, waves


def get_config():
    """Return the config."""
    config = waves(prompts(LAYERS))
    config.objective = {
        "name": "data2vec",
        "mask_block": 4,
        "top_layers": 3,
        "momentum": 0.99,
        "final_momentum": 0.999,
    }
    return config
