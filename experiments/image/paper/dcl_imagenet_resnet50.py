r"""DCL as published on SimCLR: ResNet-50, batch 256, 200 epochs of ImageNet.

    python -m ssljax pretrain --config experiments/image/paper/dcl_imagenet_resnet50.py \
        --workdir SHARED/dcl --distributed

Paper: 68.2 linear top-1 with tuned hyper-parameters, 66.9 with SimCLR's (Yeh et al., 2021,
https://arxiv.org/abs/2110.06848).
Needs: 8 GPUs.
Not run here. Deviates: bfloat16 compute. The paper names no optimizer but SimCLR's; this is it
(LARS, 0.3 for a batch of 256, and twice that for biases and norms, since the losses of SimCLR's
code and of the paper are sums over the views), with t = 0.1.
"""

from experiments.image.augmentation import SIMCLR
from experiments.image.common import SIMCLR_LARS, imagenet, steps_per_epoch


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=256, epochs=200)
    config.objective = {
        "name": "dcl",
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
