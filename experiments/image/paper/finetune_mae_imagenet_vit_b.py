r"""Fine-tuning of a MAE as published: ViT-B/16, batch 1024, 100 epochs of ImageNet.

    python -m ssljax finetune --init-from SHARED/mae_b \
        --config experiments/image/paper/finetune_mae_imagenet_vit_b.py --workdir SHARED/mae_b_ft \
        --distributed

Paper: 83.6 top-1 (He et al., 2021, table 3, https://arxiv.org/abs/2111.06377); the official code
gives 83.66, and a mean of 83.57 over four runs (facebookresearch/mae, FINETUNE.md).
Needs: 32 V100 GPUs for 7 hours (same file).
Not run here. Deviates: bfloat16 compute; the crop, flip and mixing of the official code without
its RandAugment (rand-m9-mstd0.5-inc1) and without random erasing, which ssljax does not have.
"""

from experiments.image.paper.finetuning import finetuning


def get_config():
    """Return the config."""
    # Positions are learned from the pretraining's sines and cosines on, as in the official code.
    return finetuning("vit_b", epochs=100, learning_rate=5e-4, layer_decay=0.65, drop_path=0.1)
