r"""data2vec 2.0 on videos, animated emoji: minutes on two CPU cores.

    python -m ssljax data prepare emoji_anim
    python -m ssljax pretrain --config experiments/video/small/data2vec2_emoji_anim_transformer.py \
        --workdir runs/data2vec2_emoji_anim

The published recipes are of images, speech and text; a video is a third axis of the same blocks:
what is kept are cubes of 2 x 2 x 2 tokens of a grid of 4 x 4 x 4.
"""

from experiments.video.common import emoji_anim


def get_config():
    """Return the config."""
    config = emoji_anim(steps=800)
    config.objective = {
        "name": "data2vec2",
        "masks": 4,
        "mask_ratio": 0.75,
        "mask_block": 2,
        "top_layers": 3,
        "class_weight": 0.0,
        "momentum": 0.99,
        "final_momentum": 0.999,
        "views": {"crop": {"crop_scale": (0.5, 1.0), "flip": 0.5}},
        "decoder_width": 64,
        "decoder_depth": 2,
        "decoder_groups": 4,
    }
    return config
