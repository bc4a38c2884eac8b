r"""SupCon as published: ResNet-50, batch 6144, 700 epochs of ImageNet with its labels.

    python -m ssljax pretrain --config experiments/image/paper/supcon_imagenet_resnet50.py \
        --workdir SHARED/supcon --distributed

Paper: 78.7 top-1 of a linear classifier with AutoAugment (Khosla et al., 2020,
https://arxiv.org/abs/2004.11362).
Needs: 32 TPU v3 cores or more.
Not run here. Deviates: bfloat16 compute, SimCLR's augmentation in place of AutoAugment, which this
repository does not have, and SimCLR's LARS.
"""

from experiments.image.augmentation import SIMCLR
from experiments.image.common import imagenet, steps_per_epoch


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=6144, epochs=700)
    config.data.labels = True
    config.encoder["zero_init"] = False
    config.objective = {
        "name": "supcon",
        "temperature": 0.1,
        "projector_hidden": (2048,),
        "projector_dim": 128,
        "views": SIMCLR,
    }
    config.optimizer.name = "lars"
    config.optimizer.learning_rate = 0.3
    config.optimizer.scale_by_batch = "linear"
    config.optimizer.warmup_steps = 10 * steps_per_epoch(config.batch_size)
    config.optimizer.weight_decay = 1e-6
    return config
