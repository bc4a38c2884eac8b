r"""Fine-tuning of a MAE as published: ViT-L/16, batch 1024, 50 epochs of ImageNet.

    python -m ssljax finetune --init-from SHARED/mae \
        --config experiments/image/paper/finetune_mae_imagenet_vit_l.py --workdir SHARED/mae_ft \
        --distributed

Paper: 85.9 top-1 (He et al., 2021, table 3, https://arxiv.org/abs/2111.06377); the official code
gives 85.95, and a mean of 85.87 over four runs (facebookresearch/mae, FINETUNE.md).
Needs: 32 V100 GPUs for 9 hours (same file), after `mae_imagenet_vit_l.py` for 1,600 epochs.
Not run here. Deviates as `finetune_mae_imagenet_vit_b.py`.
"""

from experiments.image.paper.finetuning import finetuning


def get_config():
    """Return the config."""
    # Positions are learned from the pretraining's sines and cosines on, as in the official code.
    return finetuning("vit_l", epochs=50, learning_rate=1e-3, layer_decay=0.75, drop_path=0.2)
