r"""Fine-tuning of a BEiT as published: ViT-B/16, batch 1024, 100 epochs of ImageNet.

    python -m ssljax finetune --init-from SHARED/beit \
        --config experiments/image/paper/finetune_beit_imagenet_vit_b.py --workdir SHARED/beit_ft \
        --distributed

Paper: 83.2 top-1 after 800 epochs of ImageNet-1k (Bao et al., 2021, table 1,
https://arxiv.org/abs/2106.08254). The values are those of the official command for a BEiT-base that
was pretrained alone (microsoft/unilm, beit/get_started_for_image_classification.md).
Needs: 8 GPUs of 32 GB (of 128 images each, as in that command).
Not run here. Deviates: bfloat16 compute; positions are absolute, not relative; no RandAugment
(rand-m9-mstd0.5-inc1) and no random erasing, which ssljax does not have; the warm-up starts at 0,
there at 1e-6.
"""

from experiments.image.paper.finetuning import finetuning


def get_config():
    """Return the config."""
    config = finetuning(
        "vit_b",
        epochs=100,
        learning_rate=1e-3,  # 4e-3 for 1024 images
        layer_decay=0.65,
        drop_path=0.1,
        warmup_epochs=20,
    )
    config.encoder.update(
        {"layer_scale": 0.1, "kernel_init": "truncated_by_depth", "token_init": "truncated"}
    )
    return config
