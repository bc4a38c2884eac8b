r"""VICReg as published: ResNet-50, batch 2048, 1,000 epochs of ImageNet.

    python -m ssljax pretrain --config experiments/image/paper/vicreg_imagenet_resnet50.py \
        --workdir SHARED/vicreg --distributed

Paper: 73.2 linear top-1 (Bardes et al., 2021, table 1, https://arxiv.org/abs/2105.04906).
Needs: 32 GPUs of 32 GB; the projector alone has 151 million parameters.
Not run here. Deviates: bfloat16 compute.
"""

from experiments.image.augmentation import BARLOW_TWINS
from experiments.image.common import imagenet, steps_per_epoch


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=2048, epochs=1000)
    config.objective = {
        "name": "vicreg",
        "invariance_weight": 25.0,
        "variance_weight": 25.0,
        "covariance_weight": 1.0,
        "projector_hidden": (8192, 8192),
        "projector_dim": 8192,
        "views": BARLOW_TWINS,
    }
    config.optimizer.name = "lars"
    config.optimizer.learning_rate = 0.2
    config.optimizer.scale_by_batch = "linear"
    config.optimizer.warmup_steps = 10 * steps_per_epoch(config.batch_size)
    config.optimizer.final_scale = 1e-3
    config.optimizer.weight_decay = 1e-6
    config.optimizer.rate_in_momentum = False
    return config
