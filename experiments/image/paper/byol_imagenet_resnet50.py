r"""BYOL as published: ResNet-50, batch 4096, 1,000 epochs of ImageNet.

    python -m ssljax pretrain --config experiments/image/paper/byol_imagenet_resnet50.py \
        --workdir SHARED/byol --distributed

Paper: 74.3 linear top-1 (Grill et al., 2020, https://arxiv.org/abs/2006.07733); the README of the
official code gives 74.0 to 74.5.
Needs: the official README names 512 TPU v3 for 8 hours.
Not run here. Deviates: bfloat16 compute; boxes as torchvision draws them, and an antialiased
filter.
"""

from experiments.image.augmentation import BYOL
from experiments.image.common import imagenet, steps_per_epoch


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=4096, epochs=1000)
    config.encoder["zero_init"] = False  # as for the paper's results, says the official README
    config.objective = {
        "name": "byol",
        "momentum": 0.996,
        "projector_hidden": (4096,),
        "projector_dim": 256,
        "predictor_hidden": (4096,),
        "views": BYOL,
    }
    config.optimizer.name = "lars"
    config.optimizer.learning_rate = 0.2
    config.optimizer.scale_by_batch = "linear"
    config.optimizer.warmup_steps = 10 * steps_per_epoch(config.batch_size)
    config.optimizer.weight_decay = 1.5e-6
    config.optimizer.rate_in_momentum = False
    return config
