r"""VideoMAE, MAE that hides tubes of videos, on animated emoji: minutes on two CPU cores.

    python -m ssljax data prepare emoji_anim
    python -m ssljax pretrain --config experiments/video/small/mae_emoji_anim_transformer.py \
        --workdir runs/mae_emoji_anim

Tong et al. 2022, https://arxiv.org/abs/2203.12602. Of the 16 patches of a frame 12 are hidden, .75
where the paper hides .9 of 196: one or two patches of 16 would say too little.
"""

from experiments.video.common import emoji_anim


def get_config():
    """Return the config."""
    config = emoji_anim(steps=800)
    config.encoder.positions = "sincos_numbered"
    config.objective = {
        "name": "mae",
        "tubes": True,
        "mask_ratio": 0.75,
        "views": {"crop": {"crop_scale": (0.5, 1.0), "flip": 0.5}},
        "decoder_width": 64,
        "decoder_depth": 2,
        "decoder_heads": 4,
        "decoder_summary": False,
    }
    return config
