r"""BEiT as published: ViT-B/16, batch 2048, 800 epochs of ImageNet, after its tokenizer.

    python -m ssljax pretrain --config experiments/image/paper/vq_vae_imagenet_beit.py \
        --workdir SHARED/vq_vae --distributed
    python -m ssljax pretrain \
        --config experiments/image/paper/beit_imagenet_vit_b.py:SHARED/vq_vae \
        --workdir SHARED/beit --distributed

Paper: 83.2 top-1 after fine-tuning, see `finetune_beit_imagenet_vit_b.py` (Bao et al., 2021, table
1, https://arxiv.org/abs/2106.08254).
Needs: 16 accelerators of 32 GB (of 128 images each, as in the official command).
Not run here. The tokenizer is a VQ-VAE trained on ImageNet at the full size of the image, not
DALL-E's at half of it, resized by Lanczos; positions are absolute, not relative; colours are
changed after the crop, there before it.
"""

from experiments.image.common import imagenet, steps_per_epoch, tokenizer_of
from experiments.image.paper.vq_vae_imagenet_beit import CODES, ENCODER
from ssljax.training.param_groups import DEFAULT_PARAM_GROUPS


def get_config(tokenizer="runs/vq_vae"):
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
        "name": "beit",
        "tokenizer": {"encoder": ENCODER, **CODES},
        "mask_patches": 75,
        "smallest_block": 16,
        "views": {
            "crop": {
                "size": 224,
                "crop_scale": (0.08, 1.0),
                "interpolation": "bicubic",
                "flip": 0.5,
                "brightness": 0.4,
                "contrast": 0.4,
                "saturation": 0.4,
            }
        },
    }
    config.init_from = tokenizer_of(tokenizer)
    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = 1.5e-3
    config.optimizer.warmup_steps = 10 * steps_per_epoch(config.batch_size)
    config.optimizer.final_scale = 1e-5 / 1.5e-3
    config.optimizer.weight_decay = 0.05
    config.optimizer.clip_norm = 3.0
    # Neither the class token nor positions decay (no_weight_decay in modeling_pretrain.py).
    config.optimizer.param_groups = (
        {"name": "mask_token", "match": "^mask_token/"},
        *DEFAULT_PARAM_GROUPS,
    )
    return config
