r"""Clip order (VCOP) on animated emoji: minutes on two CPU cores.

    python -m ssljax data prepare emoji_anim
    python -m ssljax pretrain \
        --config experiments/video/small/clip_order_emoji_anim_transformer.py \
        --workdir runs/clip_order_emoji_anim

Three parts of 4 frames, two between, half a second each: 6 orders, so that chance is .167. The
accuracy is in the metrics. Animations that stand still or go to and fro have no order to find.
"""

from experiments.video.common import emoji_anim


def get_config():
    """Return the config."""
    config = emoji_anim(steps=800)
    config.data.length = 16
    config.data.stride = 1
    config.objective = {
        "name": "clip_order",
        "views": {"crop": {"crop_scale": (0.5, 1.0), "flip": 0.5}},
        "parts": 3,
        "frames": 4,
        "gap": 2,
        "pair_dim": 128,
    }
    return config
