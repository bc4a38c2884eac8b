r"""SimMIM as published: ViT-B/16, batch 2048, 800 epochs of ImageNet.

    python -m ssljax pretrain --config experiments/image/paper/simmim_imagenet_vit_b.py \
        --workdir SHARED/simmim --distributed

Paper: 83.8 top-1 after fine-tuning (Xie et al., 2021, https://arxiv.org/abs/2111.09886; the
README of microsoft/SimMIM), see `finetune_simmim_imagenet_vit_b.py`.
Needs: 16 accelerators of 32 GB (of 128 images each, as in the official command).
Not run here. The official ViT has relative positions shared by its layers, here they are absolute
and learned.
"""

from experiments.image.common import imagenet, steps_per_epoch


def get_config():
    """Return the config."""
    config = imagenet("vit_b", batch_size=2048, epochs=800)
    config.encoder.update(
        {
            "drop_path": 0.1,
            "layer_scale": 0.1,
            "kernel_init": "truncated_by_depth",
            "token_init": "truncated",
        }
    )
    config.objective = {
        "name": "simmim",
        "mask_unit": 32,
        "mask_ratio": 0.6,
        "views": {
            "crop": {
                "size": 224,
                "crop_scale": (0.67, 1.0),
                "flip": 0.5,
            }
        },
    }
    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = 4e-4  # 1e-4 for 512 images, in the official code
    epoch = steps_per_epoch(config.batch_size)
    config.optimizer.warmup_steps = 10 * epoch
    config.optimizer.warmup_init_scale = 5e-3  # 5e-7 for 512 images
    config.optimizer.schedule = "step"
    config.optimizer.milestones = (700 * epoch,)
    config.optimizer.weight_decay = 0.05
    config.optimizer.clip_norm = 5.0
    return config
