r"""SigLIP of emoji and their names: minutes on two CPU cores.

    npm pack emoji-datasource-google@16.0.0
    python -m experiments.image.emoji emoji-datasource-google-16.0.0.tgz emoji.npz
    python -m ssljax pretrain --config experiments/pairs/small/siglip_emoji_resnet.py \
        --workdir runs/siglip

As clip_emoji_resnet.py, with the other loss.
"""

from experiments.pairs.small import clip_emoji_resnet


def get_config(source="npz:emoji.npz"):
    """Return the config."""
    config = clip_emoji_resnet.get_config(source)
    config.objective = {**config.objective.to_dict(), "name": "siglip"}
    return config
