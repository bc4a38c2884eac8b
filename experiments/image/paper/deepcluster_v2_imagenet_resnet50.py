r"""DeepCluster-v2 as published: ResNet-50, batch 4096, multi-crop, 800 epochs of ImageNet.

    python -m ssljax pretrain --config experiments/image/paper/deepcluster_v2_imagenet_resnet50.py \
        --workdir SHARED/deepcluster_v2 --distributed

Paper: 75.2 linear top-1 (Caron et al., 2020, appendix, https://arxiv.org/abs/2006.09882; official
README and scripts/deepclusterv2_800ep_pretrain.sh, facebookresearch/swav).
Needs: 64 GPUs of 32 GB for under 40 hours (the limit in that script).
Not run here. Deviates: bfloat16 compute; the running batch statistics are those of all 8 groups of
512 images, there those of one group. In training, encoder and projector normalise 512 images
together, as there.
"""

from experiments.image.augmentation import SWAV
from experiments.image.common import ALL_ALIKE, imagenet, steps_per_epoch


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=4096, epochs=800)
    config.encoder["bn_groups"] = 8  # apex: 64 devices in groups of 8, so of 512 images each
    config.encoder["zero_init"] = False
    config.objective = {
        "name": "deepcluster_v2",
        "prototypes": (3000, 3000, 3000),
        "temperature": 0.1,
        "kmeans_iterations": 10,
        "projector_hidden": (2048,),
        "projector_dim": 128,
        "views": SWAV,
    }
    config.optimizer.name = "lars"
    config.optimizer.learning_rate = 4.8  # for the batch of 4096 as it is
    config.optimizer.warmup_steps = 10 * steps_per_epoch(config.batch_size)
    config.optimizer.warmup_init_scale = 0.3 / 4.8
    config.optimizer.final_scale = 1e-3
    config.optimizer.rate_in_momentum = False
    config.optimizer.weight_decay = 1e-6
    config.optimizer.param_groups = ALL_ALIKE
    return config
