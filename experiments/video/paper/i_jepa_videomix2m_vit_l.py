r"""V-JEPA as published: ViT-L/16, batch 3072, 90,000 steps on VideoMix2M.

    python -m ssljax pretrain --config experiments/video/paper/i_jepa_videomix2m_vit_l.py \
        --workdir SHARED/v_jepa --distributed

Code: 80.8 top-1 on Kinetics-400 by an attentive probe (Bardes et al. 2024,
https://arxiv.org/abs/2404.08471; README.md). facebookresearch/jepa, configs/pretrain/vitl16.yaml,
app/vjepa/train.py.
Needs: 128 A100 GPUs of 80 GB (the code, 24 clips on each).
Not run here. Masks are of a fixed number of tubelets (see the objective); gradients are clipped
from the first step, in the code after the warm-up, and those of encoder and predictor apart.
"""

from experiments.video.paper.common import VIDEO_MIX, VIT_L, videos


def get_config():
    """Return the config."""
    config = videos(VIDEO_MIX, VIT_L, batch_size=3072, steps=90_000)
    config.encoder.update({"kernel_init": "normal_by_depth", "remat": "dots_no_batch"})
    config.objective = {
        "name": "i_jepa",
        "tubes": ((8, 0.15), (2, 0.7)),
        "target_aspect": (0.75, 1.5),
        "distance": "l1",
        # It would reach 1 after 1.25 times the steps (ipe_scale), as the other schedules their end.
        "momentum": 0.998,
        "momentum_end": 0.9996,
        "predictor_width": 384,
        "predictor_depth": 12,
        "mask_tokens": 2,
        "views": {
            "crop": {
                "size": 224,
                "crop_scale": (0.3, 1.0),
                "crop_ratio": (0.75, 1.35),
                "flip": 0.5,
            }
        },
    }
    config.optimizer.learning_rate = 6.25e-4
    config.optimizer.warmup_steps = 12_000
    config.optimizer.warmup_init_scale = 2e-4 / 6.25e-4
    config.optimizer.final_scale = 1e-6 / 6.25e-4
    config.optimizer.schedule_length = 1.25
    config.optimizer.weight_decay = 0.04
    config.optimizer.final_decay_scale = 10.0
    config.optimizer.clip_norm = 10.0
    config.optimizer.clip_by = "component"
    return config
