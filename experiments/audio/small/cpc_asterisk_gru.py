r"""CPC on waves of prompts, for the same words by another speaker: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/audio/small/cpc_asterisk_gru.py \
        --workdir runs/cpc_asterisk

A vector for each 10 ms; twelve steps ahead are 120 ms.
"""

from experiments.audio.common import prompts


def get_config():
    """Return the config."""
    encoder = {
        "name": "audio_gru",
        "channels": 64,
        "context": 64,
        "kernels": (10, 8, 4, 4),  # of 8 kHz: the paper's last convolution is left out
        "strides": (5, 4, 2, 2),
        "norm": "layer",
    }
    config = prompts(encoder)
    config.batch_size = 32
    config.data.sound = "wave"
    config.data.spectrogram = {}
    config.objective = {"name": "cpc", "negatives": 64, "temperature": 64.0}
    return config
