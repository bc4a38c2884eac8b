r"""NNCLR as published: ResNet-50, batch 4096, 1,000 epochs of ImageNet.

    python -m ssljax pretrain --config experiments/image/paper/nnclr_imagenet_resnet50.py \
        --workdir SHARED/nnclr --distributed

Paper: 75.4 linear top-1 with two views (Dwibedi et al., 2021,
https://arxiv.org/abs/2104.14548).
Needs: 64 TPU v3 cores or more.
Not run here. Deviates: bfloat16 compute. The augmentation is BYOL's.
"""

from experiments.image.augmentation import BYOL
from experiments.image.common import imagenet, steps_per_epoch


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=4096, epochs=1000)
    config.objective = {
        "name": "nnclr",
        "temperature": 0.1,
        "queue_size": 98304,
        "projector_hidden": (2048, 2048),
        "projector_dim": 256,
        "predictor_hidden": (4096,),
        "views": BYOL,
    }
    config.optimizer.name = "lars"
    config.optimizer.learning_rate = 0.3
    config.optimizer.scale_by_batch = "linear"
    config.optimizer.warmup_steps = 10 * steps_per_epoch(config.batch_size)
    config.optimizer.weight_decay = 1e-6
    return config
