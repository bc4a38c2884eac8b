r"""rho-BYOL, BYOL of two clips of one video, on animated emoji: minutes on two CPU cores.

    python -m ssljax data prepare emoji_anim
    python -m ssljax pretrain --config experiments/video/small/byol_emoji_anim_transformer.py \
        --workdir runs/byol_emoji_anim

Feichtenhofer et al. 2021, https://arxiv.org/abs/2104.14558, with rho = 2. The teacher follows
faster than the paper's (.996): a run of hundreds of steps cannot wait for a slower one.
"""

from experiments.video.common import COLOURED_CROP, emoji_anim


def get_config():
    """Return the config."""
    config = emoji_anim(steps=1200)
    config.data.clips = 2
    config.objective = {
        "name": "byol",
        "momentum": 0.99,
        "views": {"crop": {"count": 2, **COLOURED_CROP}},
        "projector_hidden": (192,),
        "projector_dim": 64,
        "predictor_hidden": (192,),
    }
    return config
