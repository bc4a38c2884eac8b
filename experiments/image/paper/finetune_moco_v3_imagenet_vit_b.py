r"""Fine-tuning of MoCo v3 as published, by DeiT's recipe: ViT-B/16, 150 epochs of ImageNet.

    python -m ssljax finetune --init-from SHARED/moco_v3_vit_b --encoder student \
        --config experiments/image/paper/finetune_moco_v3_imagenet_vit_b.py \
        --workdir SHARED/moco_v3_ft --distributed

Paper: 83.2 top-1 (Chen et al., 2021, section 6.3, https://arxiv.org/abs/2104.02057; the README of
facebookresearch/moco-v3, which starts DeiT's main.py from the base encoder). The values are the
defaults of that file (facebookresearch/deit, main.py).
Needs: 8 GPUs of 32 GB.
Not run here. Deviates: bfloat16 compute; no RandAugment (rand-m9-mstd0.5-inc1), no random erasing
and no repeated augmentation, which ssljax does not have; the warm-up starts at 0, there at 1e-6.
"""

from experiments.image.paper.finetuning import finetuning


def get_config():
    """Return the config."""
    config = finetuning(
        "vit_b",
        epochs=150,
        learning_rate=2.5e-4,  # 5e-4 for 512 images
        layer_decay=1.0,
        drop_path=0.1,
        least_rate=1e-5,
    )
    # Positions are learned from the pretraining's sines and cosines on, as in DeiT.
    config.encoder.update({"pool": "cls", "norm_pooled": False, "token_init": "tiny"})
    config.objective.update({"head_std": 0.02})
    return config
