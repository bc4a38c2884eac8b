r"""TiCo as published: ResNet-50, batch 4096, 1,000 epochs of ImageNet.

    python -m ssljax pretrain --config experiments/image/paper/tico_imagenet_resnet50.py \
        --workdir SHARED/tico --distributed

Paper: 73.4 linear top-1 (Zhu et al., 2022, https://arxiv.org/abs/2206.10698), recalled and not
looked up, as are the batch, LARS at 0.2, the weight decay of 1.5e-6 and the weight of 20 of the
longest run. Augmentation, projector and teacher are BYOL's, with the cosine of its momentum; a port
for CIFAR-10 has `momentum_schedule="sine"`.
Needs: what BYOL needs (experiments/image/paper/byol_imagenet_resnet50.py), less its second
direction.
Not run here. Deviates: bfloat16 compute.
"""

from experiments.image.augmentation import BYOL
from experiments.image.common import imagenet, steps_per_epoch


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=4096, epochs=1000)
    config.objective = {
        "name": "tico",
        "weight": 20.0,
        "covariance_momentum": 0.9,
        "momentum": 0.99,
        "projector_hidden": (4096,),
        "projector_dim": 256,
        "views": BYOL,
    }
    config.optimizer.name = "lars"
    config.optimizer.learning_rate = 0.2
    config.optimizer.scale_by_batch = "linear"
    config.optimizer.warmup_steps = 10 * steps_per_epoch(config.batch_size)
    config.optimizer.weight_decay = 1.5e-6
    return config
