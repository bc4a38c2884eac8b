r"""MoCo v3 with a vision transformer on Open Clip Art: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/moco_v3_openclipart_vit.py \
        --workdir runs/moco_v3
"""

from experiments.image.common import CLIPART_PAIR, CLIPART_VIT8, openclipart

FIXED_PATCHES = {"name": "patch_embed", "match": "^encoder/patch_embed/", "frozen": True}
NO_DECAY = {"name": "no_decay", "match": r"(^|/)(bias|scale|cls_token)$", "weight_decay": 0.0}


def get_config():
    """Return the config."""
    config = openclipart(CLIPART_VIT8)
    config.objective = {
        "name": "moco_v3",
        "temperature": 0.2,
        "momentum": 0.99,
        "projector_hidden": (512, 512),
        "projector_dim": 128,
        "predictor_hidden": (512,),
        "views": CLIPART_PAIR,
    }
    config.optimizer.param_groups = (FIXED_PATCHES, NO_DECAY, {"name": "rest", "match": ".*"})
    return config
