r"""I-JEPA as published: ViT-H/14, batch 2048, 300 epochs of ImageNet.

    python -m ssljax pretrain --config experiments/image/paper/i_jepa_imagenet_vit_h.py \
        --workdir SHARED/i_jepa --distributed

Paper: 79.3 linear top-1 (Assran et al., 2023, table 1, https://arxiv.org/abs/2301.08243).
Needs: 16 A100 of 80 GB for three days (as in the paper's code, 128 images on each).
Not run here. Blocks and context are of a fixed number of patches (see the objective). Schedules
end with the run: `ipe_scale` of the official config of this model is 1.
"""

from experiments.image.common import TIMM, imagenet, steps_per_epoch


def get_config():
    """Return the config."""
    config = imagenet("vit_h", batch_size=2048, epochs=300)
    config.encoder.update(
        {
            "positions": "sincos",
            "class_token": False,
            "pool": "mean",
            "kernel_init": "normal",
            "remat": "dots_no_batch",
        }
    )
    config.objective = {
        "name": "i_jepa",
        "targets": 4,
        "target_scale": 0.175,
        "target_aspect": (0.75, 1.5),
        "context_scale": (0.85, 1.0),
        "distance": "smooth_l1",
        "momentum": 0.996,
        "predictor_width": 384,
        "predictor_depth": 12,
        "views": {"crop": {"size": 224, "crop_scale": (0.3, 1.0)}},
    }
    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = 1e-3
    config.optimizer.warmup_steps = 40 * steps_per_epoch(config.batch_size)
    config.optimizer.warmup_init_scale = 0.2
    config.optimizer.final_scale = 1e-3
    config.optimizer.weight_decay = 0.04
    config.optimizer.final_decay_scale = 10.0
    config.optimizer.param_groups = TIMM
    return config
