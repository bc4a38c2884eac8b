r"""SwAV as published: ResNet-50, batch 4096, multi-crop, 800 epochs of ImageNet.

    python -m ssljax pretrain --config experiments/image/paper/swav_imagenet_resnet50.py \
        --workdir SHARED/swav --distributed

Paper: 75.3 linear top-1 (Caron et al., 2020, table 1, https://arxiv.org/abs/2006.09882; official
README and scripts/swav_800ep_pretrain.sh, facebookresearch/swav).
Needs: 64 GPUs of 32 GB for 50 hours (the limit in that script).
The small-batch recipe (74.3 at 400 epochs): batch_size 256, learning_rate 0.6 without warm-up,
queue_size 3840 from epoch 15, prototypes held for 5005 steps.
Not run here. Deviates: bfloat16 compute; the running batch statistics are those of all 8 groups of
512 images, there those of one group. In training, encoder and projector normalise 512 images
together, as there.
"""

from experiments.image.augmentation import SWAV
from experiments.image.common import imagenet, steps_per_epoch


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=4096, epochs=800)
    config.encoder["bn_groups"] = 8  # apex: 64 devices in groups of 8, so of 512 images each
    config.encoder["zero_init"] = False
    config.objective = {
        "name": "swav",
        "prototypes": 3000,
        "temperature": 0.1,
        "epsilon": 0.05,
        "sinkhorn_iterations": 3,
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
    config.optimizer.param_groups = (
        {"name": "prototypes", "match": "^prototypes/", "frozen_steps": 313},
        {"name": "rest", "match": ".*"},  # biases and norms like all else
    )
    return config
