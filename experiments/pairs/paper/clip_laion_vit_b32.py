r"""CLIP as OpenCLIP has it: ViT-B/32 on LAION-400M, batch 32,768, 32 epochs.

    python -m ssljax pretrain --config experiments/pairs/paper/clip_laion_vit_b32.py \
        --workdir SHARED/clip --distributed

Paper: 62.96 zero-shot top-1 on ImageNet (docs/PRETRAINED.md of mlfoundations/open_clip, line 24;
OpenAI's of the same size 63.32 as OpenCLIP measures it, docs/openclip_classification_results.csv,
line 84, and 63.2 in its table 11, from the paper, not checked: Radford et al., 2021,
https://arxiv.org/abs/2103.00020).
Needs: 128 accelerators of 40 GB for about 36 hours (docs/PRETRAINED.md, line 31), and the images.
Not run here. Deviates: bfloat16 compute; blocks of logits around a ring of devices in place of
gathered features, for the same loss; kernels start with a standard deviation of 0.02, where the
code divides by the width and the depth of a layer; mean and deviation of the channels are
measured on the data; evaluation is by `--protocol zero_shot` with ImageNet's names in a file.
"""

from experiments.pairs.common import open_clip


def get_config():
    """Return the config."""
    # The released weights are of a model with QuickGELU: src/open_clip/pretrained.py, line 187.
    return open_clip(patch_size=32, batch_size=32_768, activation="gelu_quick")
