r"""W-MSE 4 on ImageNet: ResNet-50, four views of every image, 400 epochs.

    python -m ssljax pretrain --config experiments/image/paper/w_mse_imagenet_resnet50.py \
        --workdir SHARED/w_mse --distributed

Paper: 72.6 linear top-1 (Ermolov et al., 2020, https://arxiv.org/abs/2007.06346; W-MSE 4 at 400
epochs). The official repository (htdt/self-supervised) has recipes for smaller sets only, and for
larger ones a loss to be put into SimCLR's code (tf2/), whose augmentation, LARS and projector are
taken over here; groups of twice the dimension are the loss's, batch 1024 is recalled, not looked
up.
Needs: 32 GPUs of 32 GB.
Not run here. Deviates further: bfloat16 compute; boxes as torchvision draws them, and an
antialiased filter; the epsilon of the whitening is 1e-4 for the code's 0.
"""

from experiments.image.augmentation import simclr
from experiments.image.common import imagenet, steps_per_epoch


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=1024, epochs=400)
    config.encoder["zero_init"] = False
    config.objective = {
        "name": "w_mse",
        "group_size": 256,
        "repeats": 1,
        "epsilon": 1e-4,
        "projector_hidden": (2048,),
        "projector_dim": 128,
        "views": simclr(count=4, jitter="simclr_v2"),  # as tf2/data_util.py
    }
    config.optimizer.name = "lars"
    config.optimizer.learning_rate = 0.3
    config.optimizer.scale_by_batch = "linear"
    config.optimizer.warmup_steps = 10 * steps_per_epoch(config.batch_size)
    config.optimizer.weight_decay = 1e-6
    return config
