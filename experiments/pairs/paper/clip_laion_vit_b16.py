r"""CLIP as OpenCLIP has it: ViT-B/16 on LAION-400M, batch 33,792, 32 epochs.

    python -m ssljax pretrain --config experiments/pairs/paper/clip_laion_vit_b16.py \
        --workdir SHARED/clip --distributed

Paper: 67.07 zero-shot top-1 on ImageNet (docs/PRETRAINED.md of mlfoundations/open_clip, line 35;
OpenAI's of the same size 68.34 as OpenCLIP measures it, docs/openclip_classification_results.csv,
line 69, and 68.6 in its table 11, from the paper, not checked: Radford et al., 2021,
https://arxiv.org/abs/2103.00020).
Needs: 176 accelerators of 40 GB for about 61 hours (docs/PRETRAINED.md, line 41), and the images.
Not run here. Deviates: as clip_laion_vit_b32.py.
"""

from experiments.pairs.common import open_clip


def get_config():
    """Return the config."""
    return open_clip(patch_size=16, batch_size=33_792, activation="gelu")
