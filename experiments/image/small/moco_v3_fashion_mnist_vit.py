r"""MoCo v3 with a vision transformer on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/moco_v3_fashion_mnist_vit.py \
        --workdir runs/moco_v3
"""

from experiments.image.common import PAIR, VIT, fashion_mnist

FIXED_PATCHES = {"name": "patch_embed", "match": "^encoder/patch_embed/", "frozen": True}
NO_DECAY = {"name": "no_decay", "match": r"(^|/)(bias|scale|cls_token)$", "weight_decay": 0.0}


def get_config():
    """Return the config."""
    config = fashion_mnist(VIT)
    config.objective = {
        "name": "moco_v3",
        "temperature": 0.2,
        "momentum": 0.99,
        "projector_hidden": (512, 512),
        "projector_dim": 128,
        "predictor_hidden": (512,),
        "views": PAIR,
    }
    config.optimizer.param_groups = (FIXED_PATCHES, NO_DECAY, {"name": "rest", "match": ".*"})
    return config
