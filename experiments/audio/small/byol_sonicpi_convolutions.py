r"""BYOL with the views of BYOL-A on short samples: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/audio/small/byol_sonicpi_convolutions.py \
        --workdir runs/byol_sonicpi
"""

from experiments.audio.common import CONVOLUTIONS, samples


def get_config():
    """Return the config."""
    config = samples(CONVOLUTIONS)
    config.objective = {
        "name": "byol",
        "momentum": 0.99,
        "projector_hidden": (256,),
        "projector_dim": 128,
        "predictor_hidden": (256,),
    }
    return config
