r"""data2vec 2.0 on waves of short samples: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/audio/small/data2vec2_sonicpi_waves.py \
        --workdir runs/data2vec2_sonicpi_waves

The published recipe on speech: what is hidden is not seen by the convolution of the positions.
"""

from experiments.audio.common import samples
from experiments.audio.waves import LAYERS, waves


def get_config():
    """Return the config."""
    config = waves(samples(LAYERS))
    config.objective = {
        "name": "data2vec2",
        "masks": 4,
        "mask_ratio": 0.5,
        "mask_block": 4,
        "mask_adjust": 0.05,
        "top_layers": 3,
        "class_weight": 0.0,
        "momentum": 0.99,
        "final_momentum": 0.999,
        "decoder_width": 64,
        "decoder_depth": 2,
        "decoder_kernel": 5,
        "decoder_groups": 4,
    }
    return config
