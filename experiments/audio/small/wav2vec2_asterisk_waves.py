r"""wav2vec 2.0 on spoken prompts of 8 kHz: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/audio/small/wav2vec2_asterisk_waves.py \
        --workdir runs/wav2vec2_asterisk

A frame is 40 ms, as the convolutions were made for 16 kHz; 31 of them are a prompt.
"""

from experiments.audio.common import prompts
from experiments.audio.waves import WAVES, waves


def get_config():
    """Return the config."""
    config = waves(prompts({**WAVES, "feature_gradient": 0.1}))
    config.objective = {
        "name": "wav2vec2",
        "mask_block": 4,
        "negatives": 20,
        "codes": 32,
        "code_dim": 64,
        "projector_dim": 64,
        "code_temperature": (2.0, 0.5, 0.995),
    }
    return config
