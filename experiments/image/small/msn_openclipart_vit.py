r"""MSN on Open Clip Art: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/msn_openclipart_vit.py \
        --workdir runs/msn
"""

from experiments.image.common import CLIPART_CROP, CLIPART_VIT8, openclipart
from ssljax.training.param_groups import DEFAULT_PARAM_GROUPS


def get_config():
    """Return the config."""
    config = openclipart(CLIPART_VIT8)
    config.objective = {
        "name": "msn",
        "prototypes": 256,
        "head_hidden": (256,),
        "head_dim": 64,
        "momentum": 0.99,  # a run of hundreds of steps cannot wait for a slower teacher
        "views": {
            "random": {**CLIPART_CROP, "count": 2, "crop_scale": (0.3, 1.0)},
            "focal": {**CLIPART_CROP, "count": 3, "size": 16, "crop_scale": (0.1, 0.3)},
        },
    }
    config.optimizer.clip_norm = 3.0
    group = {"name": "prototypes", "match": "^prototypes/", "weight_decay": 0.0}
    config.optimizer.param_groups = (group, *DEFAULT_PARAM_GROUPS)
    return config
