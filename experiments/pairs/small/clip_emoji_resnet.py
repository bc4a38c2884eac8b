r"""CLIP of emoji and their names: minutes on two CPU cores.

    python -m ssljax data prepare emoji
    python -m ssljax pretrain --config experiments/pairs/small/clip_emoji_resnet.py \
        --workdir runs/clip
    python -m ssljax evaluate --workdir runs/clip --protocol retrieval,zero_shot

Trained on the drawings of two vendors. After training, held-out emoji are told by the names of the
nine groups, and drawings and names found by each other, beside chance and random init. The drawings
of a third vendor are the splits "vendor" (emoji of train) and "both" (held-out emoji):
`--config.evaluation.test_split=vendor`.
"""

from experiments.pairs.common import emoji


def get_config():
    """Return the config."""
    return emoji(name="clip")
