r"""TERA on prompts, for the same words by another speaker: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/audio/small/tera_asterisk_transformer.py \
        --workdir runs/tera_asterisk

A token is a frame of 10 ms, as officially.
"""

from experiments.audio.common import TRANSFORMER, prompts


def get_config():
    """Return the config."""
    frames = {"patch_time": 1, "patch_bands": 40, "frames": 128, "bands": 40, "depth": 3}
    config = prompts({**TRANSFORMER, **frames})
    config.batch_size = 32
    config.objective = {"name": "tera"}
    return config
