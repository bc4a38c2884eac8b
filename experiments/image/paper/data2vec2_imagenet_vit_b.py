r"""data2vec 2.0 as published: ViT-B/16, batch 256 of 16 masks each, 375,300 steps of ImageNet.

    python -m ssljax pretrain --config experiments/image/paper/data2vec2_imagenet_vit_b.py \
        --workdir SHARED/data2vec2 --distributed

Paper: 86.8 top-1 after fine-tuning for ViT-L and 150 epochs (Baevski et al., 2022, abstract,
https://arxiv.org/abs/2212.07525); this is the official recipe of ViT-B
(config/v2/base_images_only_task.yaml). `finetune_data2vec2_imagenet_vit_b.py` fine-tunes it.
Needs: 16 accelerators of 32 GB (of 16 images each, as in that file).
Not run here. The official transformer normalises after each branch, and targets come from the last
10 of 12 blocks there as here. Its loss is a sum over the 768 components where this is a mean: the
bound on the gradient's norm and Adam's epsilon are scaled accordingly.
"""

from experiments.image.common import TIMM, imagenet


def get_config():
    """Return the config."""
    config = imagenet("vit_b", batch_size=256, epochs=75)
    config.steps = 375_300
    config.encoder.update(
        {
            "positions": "sincos",
            "kernel_init": "normal",
            "patch_init": "xavier_torch_bias",
            "token_init": "unit",
        }
    )
    config.objective = {
        "name": "data2vec2",
        "masks": 16,
        "mask_ratio": 0.8,
        "mask_block": 3,
        "mask_adjust": 0.07,
        "top_layers": 10,
        "class_weight": 2.56,
        "noise": 0.01,
        "momentum": 0.9998,
        "final_momentum": 0.99999,
        "momentum_steps": 100_000,
        "decoder_width": 768,
        "decoder_depth": 6,
        "decoder_kernel": 3,
        "decoder_groups": 16,
        "views": {
            "crop": {
                "size": 224,
                "crop_scale": (0.2, 1.0),
                "interpolation": "bicubic",
                "flip": 0.5,
            }
        },
    }
    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = 1e-3
    config.optimizer.warmup_steps = 50_040
    config.optimizer.b2 = 0.95
    config.optimizer.eps = 1e-8 / 768
    config.optimizer.weight_decay = 0.05
    config.optimizer.clip_norm = 4 / 768
    config.optimizer.param_groups = TIMM
    return config
