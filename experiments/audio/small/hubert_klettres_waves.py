r"""HuBERT on spoken letters: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/audio/small/hubert_klettres_waves.py \
        --workdir runs/hubert_klettres

Both iterations are one run: 50 units of MFCC, then 100 of the third block.
"""

from experiments.audio.common import letters
from experiments.audio.waves import WAVES, waves


def get_config():
    """Return the config."""
    config = waves(letters({**WAVES, "feature_gradient": 0.1}))
    config.objective = {
        "name": "hubert",
        "mask_block": 5,
        "clusters": (50, 100),
        "second_share": 0.4,
        "layer": 3,
        "projector_dim": 64,
        "kmeans_frames": 20_000,
    }
    return config
