r"""MoCo v3 as published with a vision transformer: ViT-B/16, batch 4096, 300 epochs of ImageNet.

    python -m ssljax pretrain --config experiments/image/paper/moco_v3_imagenet_vit_b.py \
        --workdir SHARED/moco_v3_vit_b --distributed

Paper: 76.7 linear top-1 (Chen et al., 2021, table 4, https://arxiv.org/abs/2104.02057); the same
number in the official README, facebookresearch/moco-v3; ViT-S 73.2.
Needs: 64 GPUs of 32 GB (official CONFIG.md).
Not run here. Deviates: bfloat16 compute.
"""

from experiments.image.augmentation import moco_v3
from experiments.image.common import imagenet, steps_per_epoch

# The patch embedding stays random; all else decays alike, biases and norms too.
RULES = (
    {"name": "patch_embed", "match": "^encoder/patch_embed/", "frozen": True},
    {"name": "rest", "match": ".*"},
)


def get_config():
    """Return the config."""
    config = imagenet("vit_b", batch_size=4096, epochs=300)
    config.encoder.update({"positions": "sincos", "token_init": "tiny"})
    config.objective = {
        "name": "moco_v3",
        "temperature": 0.2,
        "momentum": 0.99,
        "projector_hidden": (4096, 4096),
        "projector_dim": 256,
        "predictor_hidden": (4096,),
        "views": moco_v3(crop_scale=(0.08, 1.0)),
    }
    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = 1.5e-4
    config.optimizer.scale_by_batch = "linear"
    config.optimizer.warmup_steps = 40 * steps_per_epoch(config.batch_size)
    config.optimizer.weight_decay = 0.1
    config.optimizer.param_groups = RULES
    return config
