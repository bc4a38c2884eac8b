r"""SimCLR as published: ResNet-50, batch 4096, 1,000 epochs of ImageNet.

    python -m ssljax pretrain --config experiments/image/paper/simclr_imagenet_resnet50.py \
        --workdir SHARED/simclr --distributed

Paper: 69.3 linear top-1 (Chen et al., 2020, table 6, https://arxiv.org/abs/2002.05709).
Needs: 32 TPU v3 cores or more (the paper used 128 for 1.5 hours per 100 epochs).
Not run here. Deviates: bfloat16 compute; boxes as torchvision draws them, and an antialiased
filter. Colours and blur are those of the code's first release. The linear probe of the paper trains
with augmentation, that of `ssljax` without.
"""

from experiments.image.augmentation import SIMCLR
from experiments.image.common import SIMCLR_LARS, imagenet, steps_per_epoch


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=4096, epochs=1000)
    config.objective = {
        "name": "simclr",
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
    config.optimizer.param_groups = SIMCLR_LARS
    return config
