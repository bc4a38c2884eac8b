r"""SimSiam as published: ResNet-50, batch 512, 100 epochs of ImageNet.

    python -m ssljax pretrain --config experiments/image/paper/simsiam_imagenet_resnet50.py \
        --workdir SHARED/simsiam --distributed

Paper: 68.1 linear top-1 (Chen and He, 2020, table 4, https://arxiv.org/abs/2011.10566).
Needs: 8 accelerators of 16 GB.
Not run here. Deviates: bfloat16 compute; the learning rate falls every step, where the official
code lowers it once an epoch.
"""

from experiments.image.augmentation import MOCO_V2
from experiments.image.common import ALL_ALIKE, imagenet


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=512, epochs=100)
    config.objective = {
        "name": "simsiam",
        "projector_hidden": (2048, 2048),
        "projector_dim": 2048,
        "predictor_hidden": (512,),
        "views": MOCO_V2,
    }
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 0.05
    config.optimizer.scale_by_batch = "linear"
    config.optimizer.weight_decay = 1e-4
    predictor = {"name": "predictor", "match": "^predictor/", "learning_rate_schedule": "constant"}
    config.optimizer.param_groups = (predictor, *ALL_ALIKE)
    return config
