r"""Shuffle and Learn on animated emoji: minutes on two CPU cores.

    python -m ssljax data prepare emoji_anim
    python -m ssljax pretrain \
        --config experiments/video/small/shuffle_and_learn_emoji_anim_transformer.py \
        --workdir runs/shuffle_and_learn_emoji_anim

Misra et al. 2016, https://arxiv.org/abs/1603.08561. Frames of 24, the ends 10 apart, one second and
a quarter. The accuracy is in the metrics; chance is .75, the share of triples out of order.
"""

from experiments.video.common import emoji_anim


def get_config():
    """Return the config."""
    config = emoji_anim(steps=800)
    config.data.length = 24
    config.data.stride = 1
    config.encoder.tubelet = 1
    config.objective = {
        "name": "shuffle_and_learn",
        "span": 10,
        "margin": 3,
        "views": {"crop": {"crop_scale": (0.5, 1.0), "flip": 0.5}},
    }
    return config
