r"""CPC on waves of spoken letters and syllables, to be fine-tuned with CTC: minutes on two cores.

    python -m ssljax pretrain --config experiments/audio/small/cpc_klettres_gru.py \
        --workdir runs/cpc_klettres

A vector for each 10 ms; twelve steps ahead are 120 ms.
"""

from experiments.audio.common import WAVE_GRU, letters


def get_config():
    """Return the config."""
    config = letters(WAVE_GRU)
    config.data.sound = "wave"
    config.objective = {"name": "cpc", "negatives": 64, "temperature": 64.0}
    return config
