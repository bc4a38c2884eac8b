r"""SimCLR on windows of a prompt, for the same words by another speaker: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/audio/small/simclr_asterisk_convolutions.py \
        --workdir runs/simclr_asterisk

Boxes of a spectrogram, resized, stand for other pitches and paces: what stays is what is said.
"""

from experiments.audio.common import CONVOLUTIONS, prompts


def get_config():
    """Return the config."""
    config = prompts(CONVOLUTIONS)
    config.objective = {
        "name": "simclr",
        "temperature": 0.1,
        "projector_hidden": (256,),
        "views": {
            "crop": {"count": 2, "size": 10_240, "shift": 0.1, "gain": 6.0, "resize": (0.8, 1.2)}
        },
    }
    return config
