r"""V-JEPA 2 as published, its first phase: ViT-L/16 at 256 pixels, batch 3072.

    python -m ssljax pretrain --config experiments/video/paper/i_jepa2_videomix2m_vit_l.py \
        --workdir SHARED/v_jepa2 --distributed

Assran et al. 2025, https://arxiv.org/abs/2506.09985. Code: facebookresearch/vjepa2,
configs/train/vitl16/pretrain-256px-16f.yaml, app/vjepa/train.py.
Needs: 128 A100 GPUs of 80 GB (the code, 24 clips on each).
Not run here. 12,000 steps of warm-up and 228,000 at the constant rate, from the paper; the code's
file is of ten epochs of a run that goes on. The second phase of clips of 64 frames is left out.
Deviates: videos are drawn uniformly, in the code .335 of Kinetics-710, .1 of Something-Something
v2 and .565 of HowTo100M; masks as of V-JEPA.
"""

from experiments.video.paper.common import VIDEO_MIX_4, VIT_L, videos


def get_config():
    """Return the config."""
    config = videos(VIDEO_MIX_4, VIT_L, batch_size=3072, steps=240_000)
    config.encoder.update(
        {
            "image_size": 256,
            "positions": "rotary_v_jepa2",
            "kernel_init": "normal_by_depth",
            "remat": "full",
        }
    )
    config.objective = {
        "name": "i_jepa",
        "tubes": ((8, 0.15), (2, 0.7)),
        "target_aspect": (0.75, 1.5),
        "distance": "l1",
        "momentum": 0.99925,
        "momentum_end": 0.99925,
        "predictor_width": 384,
        "predictor_depth": 12,
        "predictor_heads": 12,
        "mask_tokens": 2,
        "views": {
            "crop": {
                "size": 256,
                "crop_scale": (0.3, 1.0),
                "crop_ratio": (0.75, 1.35),
                "flip": 0.5,
            }
        },
    }
    config.optimizer.learning_rate = 5.25e-4
    config.optimizer.schedule = "constant"
    config.optimizer.warmup_steps = 12_000
    config.optimizer.warmup_init_scale = 1e-4 / 5.25e-4
    config.optimizer.weight_decay = 0.04
    return config
