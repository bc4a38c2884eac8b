r"""V-JEPA 2, I-JEPA that hides blocks of videos, on animated emoji: minutes on two CPU cores.

    python -m ssljax data prepare emoji_anim
    python -m ssljax pretrain --config experiments/video/small/i_jepa_emoji_anim_transformer.py \
        --workdir runs/i_jepa_emoji_anim

Bardes et al. 2024, https://arxiv.org/abs/2404.08471; Assran et al. 2025,
https://arxiv.org/abs/2506.09985. The two masks are the paper's: eight blocks of .15 of a frame and
two of .7, through all frames, of 6 x 6 patches of 8 pixels. Colours are left as they are.
"""

from experiments.video.common import emoji_anim


def get_config():
    """Return the config."""
    config = emoji_anim(steps=800)
    config.encoder.patch_size = 8
    config.encoder.positions = "rotary_v_jepa2"
    config.objective = {
        "name": "i_jepa",
        "tubes": ((8, 0.15), (2, 0.7)),
        "distance": "l1",
        "mask_tokens": 2,
        "momentum": 0.996,
        "predictor_width": 48,
        "predictor_depth": 2,
        "views": {"crop": {"crop_scale": (0.5, 1.0), "flip": 0.5}},
    }
    return config
