r"""CVRL, SimCLR of two clips of one video, on animated emoji: minutes on two CPU cores.

    python -m ssljax data prepare emoji_anim
    python -m ssljax pretrain --config experiments/video/small/simclr_emoji_anim_transformer.py \
        --workdir runs/simclr_emoji_anim

Qian et al. 2021, https://arxiv.org/abs/2008.03800: crop, flip and colours are the same for all
frames of a clip; clips start independently, so that near ones are drawn more often (data.clips).
"""

from experiments.video.common import emoji_anim

CROP = {
    "crop_scale": (0.3, 1.0),
    "flip": 0.5,
    "brightness": 0.8,
    "contrast": 0.8,
    "saturation": 0.8,
    "hue": 0.2,
    "jitter_prob": 0.8,
    "grey_prob": 0.2,
}


def get_config():
    """Return the config."""
    config = emoji_anim(steps=400)
    config.data.clips = 2
    config.objective = {
        "name": "simclr",
        "views": {"crop": {"count": 2, **CROP}},
        "projector_hidden": (192,),
        "projector_dim": 64,
    }
    return config
