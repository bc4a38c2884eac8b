r"""MAE as published: ViT-L/16, batch 4096, 800 epochs of ImageNet.

    python -m ssljax pretrain --config experiments/image/paper/mae_imagenet_vit_l.py \
        --workdir SHARED/mae --distributed

Paper: 85.4 top-1 fine-tuned (He et al., 2021, table 1d, https://arxiv.org/abs/2111.06377); 85.5 by
the official code (facebookresearch/mae, PRETRAIN.md). For 1,600 epochs: 85.9, and 75.8 linear.
`finetune_mae_imagenet_vit_l.py` fine-tunes it.
Needs: 64 V100 GPUs for 42 hours (same file).
Not run here. Deviates: bfloat16 compute.
"""

from experiments.image.common import TIMM, imagenet, steps_per_epoch


def get_config():
    """Return the config."""
    config = imagenet("vit_l", batch_size=4096, epochs=800)
    config.encoder.update({"positions": "sincos", "patch_init": "xavier_torch_bias"})
    config.objective = {
        "name": "mae",
        "mask_ratio": 0.75,
        "normalize_targets": True,
        "decoder_width": 512,
        "decoder_depth": 8,
        "decoder_heads": 16,
        "views": {
            "crop": {
                "size": 224,
                "crop_scale": (0.2, 1.0),
                "interpolation": "bicubic",
                "flip": 0.5,
            }
        },
    }
    config.optimizer.learning_rate = 1.5e-4
    config.optimizer.scale_by_batch = "linear"
    config.optimizer.b2 = 0.95
    config.optimizer.weight_decay = 0.05
    config.optimizer.warmup_steps = 40 * steps_per_epoch(config.batch_size)
    config.optimizer.param_groups = TIMM
    return config
