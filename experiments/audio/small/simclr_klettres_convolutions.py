r"""COLA on spoken letters and syllables: two windows of a clip, by a bilinear form: minutes.

    python -m ssljax pretrain --config experiments/audio/small/simclr_klettres_convolutions.py \
        --workdir runs/cola_klettres
"""

from experiments.audio.common import CONVOLUTIONS, letters


def get_config():
    """Return the config."""
    config = letters(CONVOLUTIONS)
    config.objective = {
        "name": "simclr",
        "similarity": "bilinear",
        "temperature": 1.0,
        "projector_hidden": (),
        "projector_dim": 128,
        "views": {"crop": {"count": 2, "size": 10_240, "gain": 6.0}},
    }
    return config
