r"""Barlow Twins as published: ResNet-50, batch 2048, 1,000 epochs of ImageNet.

    python -m ssljax pretrain --config experiments/image/paper/barlow_twins_imagenet_resnet50.py \
        --workdir SHARED/barlow_twins --distributed

Paper: 73.2 linear top-1 (Zbontar et al., 2021, table 1, https://arxiv.org/abs/2103.03230); 73.5
for the weights of the official repository.
Needs: 32 V100 for 5 days (the paper, section 2.2).
Not run here. Deviates: bfloat16 compute; the learning rate of biases and norms, which LARS does not
adapt, is 0.0048 / 32: the official gradient is 1 / 32 of the true one on 32 devices, which weights
do not feel under LARS.
"""

from experiments.image.augmentation import BARLOW_TWINS
from experiments.image.common import imagenet, steps_per_epoch
from ssljax.training.param_groups import DEFAULT_PARAM_GROUPS

DEVICES = 32  # of the paper's run
NO_DECAY, REST = DEFAULT_PARAM_GROUPS


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=2048, epochs=1000)
    config.objective = {
        "name": "barlow_twins",
        "off_diagonal_weight": 0.0051,
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
    config.optimizer.param_groups = (
        {**NO_DECAY, "learning_rate_scale": 0.0048 / 0.2 / DEVICES},
        REST,
    )
    return config
