r"""SigLIP of emoji and their names: minutes on two CPU cores.

    python -m ssljax data prepare emoji
    python -m ssljax pretrain --config experiments/pairs/small/siglip_emoji_resnet.py \
        --workdir runs/siglip
    python -m ssljax evaluate --workdir runs/siglip --protocol retrieval,zero_shot

As clip_emoji_resnet.py, with the other loss.
"""

from experiments.pairs.common import emoji


def get_config():
    """Return the config."""
    return emoji(name="siglip")
