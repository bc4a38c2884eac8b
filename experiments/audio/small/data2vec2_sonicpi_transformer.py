r"""data2vec 2.0 on log-mel spectrograms of short samples: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/audio/small/data2vec2_sonicpi_transformer.py \
        --workdir runs/data2vec2_sonicpi

The published recipe takes waves; on spectrograms a patch of 80 ms is a token.
"""

from experiments.audio.common import TRANSFORMER, samples


def get_config():
    """Return the config."""
    config = samples(TRANSFORMER)
    config.objective = {
        "name": "data2vec2",
        "masks": 4,
        "mask_ratio": 0.6,
        "mask_block": 3,
        "top_layers": 3,
        "class_weight": 0.0,
        "momentum": 0.99,
        "final_momentum": 0.999,
        "decoder_width": 64,
        "decoder_depth": 2,
        "decoder_groups": 4,
    }
    return config
