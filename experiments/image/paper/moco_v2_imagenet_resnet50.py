r"""MoCo v2 as published: ResNet-50, batch 256, 200 epochs of ImageNet.

    python -m ssljax pretrain --config experiments/image/paper/moco_v2_imagenet_resnet50.py \
        --workdir SHARED/moco_v2 --distributed

Paper: 67.5 +- 0.1 linear top-1 over five runs (official README, facebookresearch/moco; Chen et al.,
2020, https://arxiv.org/abs/2003.04297); 71.1 with 800 epochs.
Needs: 8 GPUs (53 hours on V100s, same README).
Not run here. Deviates: bfloat16 compute, the learning rate falls at every step where the code
lowers it at every epoch, and running batch statistics are those of all eight groups where the code
keeps those of its first device.
"""

from experiments.image.augmentation import MOCO_V2
from experiments.image.common import ALL_ALIKE, imagenet


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=256, epochs=200)
    config.encoder["bn_groups"] = 8  # batch statistics of 32 images, as on each of 8 devices
    config.encoder["zero_init"] = False
    config.objective = {
        "name": "moco_v2",
        "temperature": 0.2,
        "momentum": 0.999,
        "queue_size": 65536,
        "projector_hidden": (2048,),
        "projector_dim": 128,
        "views": MOCO_V2,
    }
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 0.03  # for the batch of 256 as it is
    config.optimizer.weight_decay = 1e-4
    config.optimizer.param_groups = ALL_ALIKE
    return config
