r"""MoCo v3 as published with a ResNet: ResNet-50, batch 4096, 1,000 epochs of ImageNet.

    python -m ssljax pretrain --config experiments/image/paper/moco_v3_imagenet_resnet50.py \
        --workdir SHARED/moco_v3 --distributed

Paper: 74.6 linear top-1 (Chen et al., 2021, https://arxiv.org/abs/2104.02057; official README and
CONFIG.md, facebookresearch/moco-v3); 72.8 with 300 epochs and weight decay 1e-6.
Needs: 16 GPUs of 32 GB (official CONFIG.md).
Not run here. Deviates: bfloat16 compute.
"""

from experiments.image.augmentation import moco_v3
from experiments.image.common import imagenet, steps_per_epoch


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=4096, epochs=1000)
    config.objective = {
        "name": "moco_v3",
        "temperature": 1.0,
        "momentum": 0.996,
        "projector_hidden": (4096,),
        "projector_dim": 256,
        "predictor_hidden": (4096,),
        "predictor_norm": False,
        "views": moco_v3(crop_scale=(0.2, 1.0)),
    }
    config.optimizer.name = "lars"
    config.optimizer.learning_rate = 0.3
    config.optimizer.scale_by_batch = "linear"
    config.optimizer.warmup_steps = 10 * steps_per_epoch(config.batch_size)
    config.optimizer.weight_decay = 1.5e-6
    config.optimizer.rate_in_momentum = False
    return config
