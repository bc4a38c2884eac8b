r"""data2vec on waves of spoken prompts: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/audio/small/data2vec_asterisk_waves.py \
        --workdir runs/data2vec_asterisk
"""

from experiments.audio.common import WAVES, prompts, waves

ENCODER = {
    **WAVES,
    "convolution_norm": "layer",
    "position_kernel": 5,
    "position_layers": 3,
}


def get_config():
    """Return the config."""
    config = waves(prompts(ENCODER))
    config.objective = {
        "name": "data2vec",
        "mask_block": 4,
        "top_layers": 3,
        "momentum": 0.99,
        "final_momentum": 0.999,
    }
    return config
