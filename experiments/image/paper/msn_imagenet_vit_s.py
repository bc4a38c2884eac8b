r"""MSN as published: ViT-S/16, batch 1024, 800 epochs of ImageNet, 1 random and 10 focal anchors.

    python -m ssljax pretrain --config experiments/image/paper/msn_imagenet_vit_s.py \
        --workdir SHARED/msn --distributed

Paper: 76.9 linear top-1 (Assran et al., 2022, https://arxiv.org/abs/2204.07141).
Needs: 16 accelerators of 32 GB (configs/pretrain/msn_vits16.yaml: 64 images on each).
Not run here. Deviates: bfloat16 compute. The official schedules are made for a run 1.25 times as
long, as are these; `momentum_end` is what a line to 1 comes to at the end of this one.
"""

from experiments.image.common import TIMM, imagenet, steps_per_epoch

VIEW = {
    "flip": 0.5,
    "brightness": 0.4,
    "contrast": 0.4,
    "saturation": 0.4,
    "hue": 0.1,
    "jitter_prob": 0.8,
    "grey_prob": 0.2,
    "blur": "pillow",
    "blur_prob": 0.5,
}


def get_config():
    """Return the config."""
    config = imagenet("vit_s", batch_size=1024, epochs=800)
    config.encoder.update(
        {
            "kernel_init": "normal",
            "patch_init": "kaiming",
            "positions_interpolation": "bicubic",
        }
    )
    config.objective = {
        "name": "msn",
        "patch_drop": 0.15,
        "prototypes": 1024,
        "temperature": 0.1,
        "sharpening": 0.25,
        "sinkhorn_iterations": 3,
        "entropy_weight": 1.0,
        "momentum": 0.996,
        "momentum_end": 0.9992,
        "head_hidden": (2048, 2048),
        "head_dim": 256,
        "views": {
            "random": {**VIEW, "size": 224, "count": 2, "crop_scale": (0.3, 1.0)},
            "focal": {**VIEW, "size": 96, "count": 10, "crop_scale": (0.05, 0.3)},
        },
    }
    config.optimizer.learning_rate = 1e-3
    config.optimizer.warmup_steps = 15 * steps_per_epoch(config.batch_size)
    config.optimizer.warmup_init_scale = 0.2
    config.optimizer.final_scale = 1e-3
    config.optimizer.schedule_length = 1.25
    config.optimizer.weight_decay = 0.04
    config.optimizer.final_decay_scale = 10.0
    config.optimizer.clip_norm = 3.0
    rule = {"name": "prototypes", "match": "^prototypes/", "weight_decay": 0.0, "clip": False}
    config.optimizer.param_groups = (rule, *TIMM)
    return config
