r"""iBOT as published: ViT-S/16, batch 1024, 800 epochs of ImageNet, 2 crops of 224 and 10 of 96.

    python -m ssljax pretrain --config experiments/image/paper/ibot_imagenet_vit_s.py \
        --workdir SHARED/ibot --distributed

Paper: 77.9 linear top-1, 75.2 k-NN (Zhou et al., 2021, https://arxiv.org/abs/2111.07832; README).
The linear probe there takes the class tokens of the last four blocks (run.sh), that of `ssljax` the
last one: only the k-NN can be compared.
Needs: 16 accelerators of 32 GB (the README: 2 nodes of 8).
Not run here. Deviates: bfloat16 compute.
"""

from experiments.image.augmentation import dino_crops
from experiments.image.common import TIMM, imagenet, steps_per_epoch


def get_config():
    """Return the config."""
    config = imagenet("vit_s", batch_size=1024, epochs=800)
    config.encoder.update(
        {
            "drop_path": 0.1,
            "kernel_init": "normal",
            "patch_init": "torch",
            "positions_interpolation": "bicubic_offset",
        }
    )
    epoch = steps_per_epoch(config.batch_size)
    config.objective = {
        "name": "ibot",
        "mask_prob": 0.5,
        "mask_ratio_min": 0.1,
        "mask_ratio_max": 0.5,
        "prototypes": 8192,
        "head_hidden": (2048, 2048),
        "bottleneck": 256,
        "learned_lengths": True,
        "student_temperature": 0.1,
        "teacher_temperature_start": 0.04,
        "teacher_temperature": 0.07,
        "temperature_steps": 30 * epoch,
        "momentum": 0.996,
        "center_momentum": 0.9,
        "views": dino_crops(global_scale=(0.25, 1.0), local_scale=(0.05, 0.25), local_count=10),
    }
    config.optimizer.learning_rate = 5e-4
    config.optimizer.scale_by_batch = "linear"
    config.optimizer.warmup_steps = 10 * epoch
    config.optimizer.final_scale = 5e-4  # of 2e-3: 1e-6
    config.optimizer.weight_decay = 0.04
    config.optimizer.final_decay_scale = 10.0
    config.optimizer.clip_norm = 3.0
    config.optimizer.clip_by = "parameter"
    held = {"name": "prototypes", "match": "^head/prototypes", "frozen_steps": epoch}
    config.optimizer.param_groups = (held, *TIMM)
    return config
