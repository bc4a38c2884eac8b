r"""SimCLR on windows of one sound, as COLA, on short samples: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/audio/small/simclr_sonicpi_convolutions.py \
        --workdir runs/simclr_sonicpi

Two windows of .64 s of a sound are alike (COLA, arXiv:2010.10915); here also of another volume, and
compared by cosine and temperature, where COLA has a bilinear form.
"""

from experiments.audio.common import CONVOLUTIONS, samples


def get_config():
    """Return the config."""
    config = samples(CONVOLUTIONS)
    config.objective = {
        "name": "simclr",
        "temperature": 0.2,
        "projector_hidden": (256,),
        "views": {"crop": {"count": 2, "size": 10_240, "gain": 6.0, "mix": 0.2}},
    }
    return config
