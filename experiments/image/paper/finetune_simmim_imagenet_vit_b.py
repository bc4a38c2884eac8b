r"""Fine-tuning of a SimMIM as published: ViT-B/16, batch 2048, 100 epochs of ImageNet.

    python -m ssljax finetune --init-from SHARED/simmim \
        --config experiments/image/paper/finetune_simmim_imagenet_vit_b.py \
        --workdir SHARED/simmim_ft --distributed

Paper: 83.8 top-1 (Xie et al., 2021, https://arxiv.org/abs/2111.09886; the README of
microsoft/SimMIM). The values are those of
configs/vit_base__800ep/simmim_finetune__vit_base__img224__800ep.yaml, config.py, main_finetune.py
and models/vision_transformer.py there (the head starts with a deviation of 0.001 x 0.02). They are
for 128 images per GPU; the number of GPUs, 16, is that of the README's example, which is of Swin-B.
Needs: 16 accelerators of 32 GB.
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
        learning_rate=1.25e-3 / 2,  # 1.25e-3 for 512 images
        layer_decay=0.65,
        drop_path=0.1,
        batch_size=2048,
        warmup_epochs=20,
    )
    config.encoder.update(
        {"layer_scale": 0.1, "kernel_init": "truncated_by_depth", "token_init": "truncated"}
    )
    config.optimizer.clip_norm = 5.0
    return config
