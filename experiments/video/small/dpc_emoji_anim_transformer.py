r"""DPC, dense predictive coding, on animated emoji: minutes on two CPU cores.

    python -m ssljax data prepare emoji_anim
    python -m ssljax pretrain --config experiments/video/small/dpc_emoji_anim_transformer.py \
        --workdir runs/dpc_emoji_anim

Han et al. 2019, https://arxiv.org/abs/1909.04656. Six blocks of four frames, half a second each:
four maps of 4 x 4 places predict the next two.
"""

from experiments.video.common import emoji_anim


def get_config():
    """Return the config."""
    config = emoji_anim(steps=800)
    config.data.length = 24
    config.data.stride = 1
    config.batch_size = 32
    config.objective = {
        "name": "dpc",
        "blocks": 6,
        "frames": 4,
        "predicted": 2,
        "views": {"crop": {"crop_scale": (0.5, 1.0), "flip": 0.5, "grey_prob": 0.5}},
    }
    return config
