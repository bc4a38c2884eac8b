r"""VICReg of emoji and their names: minutes on two CPU cores.

    python -m ssljax data prepare emoji
    python -m ssljax pretrain --config experiments/pairs/small/paired_vicreg_emoji_resnet.py \
        --workdir runs/paired_vicreg
    python -m ssljax evaluate --workdir runs/paired_vicreg --protocol retrieval,zero_shot

As clip_emoji_resnet.py, with the other loss.
"""

from experiments.pairs.common import emoji


def get_config():
    """Return the config."""
    return emoji(name="paired_vicreg", projector_hidden=(512,))
