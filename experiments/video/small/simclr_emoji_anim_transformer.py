r"""CVRL, SimCLR of two clips of one video, on animated emoji: minutes on two CPU cores.

    python -m ssljax data prepare emoji_anim
    python -m ssljax pretrain --config experiments/video/small/simclr_emoji_anim_transformer.py \
        --workdir runs/simclr_emoji_anim

Qian et al. 2021, https://arxiv.org/abs/2008.03800: crop, flip and colours are the same for all
frames of a clip; clips start independently, so that near ones are drawn more often (data.clips).
"""

from experiments.video.common import COLOURED_CROP, emoji_anim


def get_config():
    """Return the config."""
    config = emoji_anim(steps=1200)
    config.data.clips = 2
    config.objective = {
        "name": "simclr",
        "views": {"crop": {"count": 2, **COLOURED_CROP}},
        "projector_hidden": (192,),
        "projector_dim": 64,
    }
    return config
