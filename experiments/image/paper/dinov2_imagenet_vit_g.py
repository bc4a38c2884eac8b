r"""DINOv2 as published for its largest model: ViT-g/14, batch 3072, 625,000 steps.

    python -m ssljax pretrain --config experiments/image/paper/dinov2_imagenet_vit_g.py \
        --workdir SHARED/dinov2_g --distributed

Paper: 86.5 linear top-1, 83.5 k-NN on ImageNet-1k after training on LVD-142M and a short phase at
higher resolution (Oquab et al., 2023, table 4, https://arxiv.org/abs/2304.07193). Its linear probe
is that of the recipe of ViT-L.
Needs: 256 accelerators, 12 images on each (facebookresearch/dinov2, configs/train/vitg14.yaml); a
number that 8 divides, over which the state of 18 GiB is cut.
Not run here. Deviates as the recipe of ViT-L does, and has no phase at higher resolution.
"""

from experiments.image.paper import dinov2_imagenet_vit_l


def get_config():
    """Return the config."""
    config = dinov2_imagenet_vit_l.get_config()
    config.encoder.name = "vit_g"
    config.objective.koleo_group = 12  # the batch of one device
    config.mesh = {"fsdp": 8}
    return config
