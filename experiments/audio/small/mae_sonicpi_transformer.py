r"""MAE on log-mel spectrograms, as Audio-MAE, on short samples: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/audio/small/mae_sonicpi_transformer.py \
        --workdir runs/mae_sonicpi
"""

from experiments.audio.common import TRANSFORMER, samples


def get_config():
    """Return the config."""
    config = samples(TRANSFORMER, steps=400)
    config.objective = {
        "name": "mae",
        "mask_ratio": 0.8,
        "decoder_width": 64,
        "decoder_depth": 2,
        "decoder_heads": 4,
    }
    return config
