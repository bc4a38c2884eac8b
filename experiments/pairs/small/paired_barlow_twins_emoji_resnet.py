r"""Barlow Twins of emoji and their names: minutes on two CPU cores.

    python -m ssljax data prepare emoji
    python -m ssljax pretrain --config experiments/pairs/small/paired_barlow_twins_emoji_resnet.py \
        --workdir runs/paired_barlow_twins
    python -m ssljax evaluate --workdir runs/paired_barlow_twins --protocol retrieval,zero_shot

As clip_emoji_resnet.py, with the other loss.
"""

from experiments.pairs.common import emoji


def get_config():
    """Return the config."""
    return emoji(name="paired_barlow_twins", projector_hidden=(512,))
