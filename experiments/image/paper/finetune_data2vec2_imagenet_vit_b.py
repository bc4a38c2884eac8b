r"""Fine-tuning of data2vec 2.0 as published: ViT-B/16, batch 512, 100 epochs of ImageNet.

    python -m ssljax finetune --init-from SHARED/data2vec2 --encoder student \
        --config experiments/image/paper/finetune_data2vec2_imagenet_vit_b.py \
        --workdir SHARED/data2vec2_ft --distributed

Paper: 84.5 top-1 (Baevski et al., 2022, table 1, https://arxiv.org/abs/2212.07525). The values are
those of facebookresearch/fairseq, examples/data2vec/config/vision/finetuning/
mae_imagenet_clean.yaml, and of models/mae_image_classification.py there, which starts from the
student's parameters.
Needs: 16 accelerators (of 32 images each, as in that file).
Not run here. Deviates: bfloat16 compute; no RandAugment (rand-m9-mstd0.5-inc1) and no random
erasing, which ssljax does not have; blocks are those of the pretraining's recipe here.
"""

from experiments.image.common import TIMM
from experiments.image.paper.finetuning import finetuning

DECAY = 0.65


def get_config():
    """Return the config."""
    config = finetuning(
        "vit_b",
        epochs=100,
        learning_rate=5e-4,  # 1e-3 for 512 images
        layer_decay=DECAY,
        drop_path=0.1,
        batch_size=512,
    )
    config.steps = 250_200
    config.encoder.update(
        {
            "positions": "sincos",
            "kernel_init": "normal",
            "patch_init": "xavier_torch_bias",
            "token_init": "unit",
            "norm_pooled": False,  # there each block ends with a norm, and the head begins with one
        }
    )
    config.objective.update({"head_norm": "layer", "mixup": 0.7, "mix_prob": 0.9, "head_std": 0.02})
    config.optimizer.warmup_steps = 16_000
    config.optimizer.b2 = 0.95
    # Patches and class token take full steps there: only blocks have a learning rate of their own.
    full = {"learning_rate_scale": DECAY**-13}
    config.optimizer.param_groups = (
        {"name": "biases", "match": "^encoder/patch_embed/.*bias$", "weight_decay": 0.0, **full},
        {"name": "inputs", "match": "^encoder/(patch_embed/|cls_token)", **full},
        *TIMM,
    )
    return config
