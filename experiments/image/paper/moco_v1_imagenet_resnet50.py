r"""MoCo v1 as published: ResNet-50, batch 256, 200 epochs of ImageNet.

    python -m ssljax pretrain --config experiments/image/paper/moco_v1_imagenet_resnet50.py \
        --workdir SHARED/moco_v1 --distributed

Paper: 60.6 linear top-1 (He et al., 2019, https://arxiv.org/abs/1911.05722; official README,
facebookresearch/moco).
Needs: 8 GPUs (53 hours on V100s, same README).
Not run here. Deviates: bfloat16 compute, colours jittered before greyscale, and running batch
statistics are those of all eight groups.
"""

from experiments.image.augmentation import MOCO_V1
from experiments.image.common import ALL_ALIKE, imagenet, steps_per_epoch


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=256, epochs=200)
    config.encoder["bn_groups"] = 8  # batch statistics of 32 images, as on each of 8 devices
    config.encoder["zero_init"] = False
    config.objective = {
        "name": "moco_v2",
        "projector_hidden": (),
        "temperature": 0.07,
        "momentum": 0.999,
        "queue_size": 65536,
        "projector_dim": 128,
        "views": MOCO_V1,
    }
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 0.03  # for the batch of 256 as it is
    epoch = steps_per_epoch(config.batch_size)
    config.optimizer.schedule = "step"
    config.optimizer.milestones = (120 * epoch, 160 * epoch)
    config.optimizer.weight_decay = 1e-4
    config.optimizer.param_groups = ALL_ALIKE
    return config
