r"""SwAV on Open Clip Art: within 20 minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/swav_openclipart_resnet.py \
        --workdir runs/swav
"""

from experiments.image.common import CLIPART_CROP, CLIPART_PAIR, openclipart


def get_config():
    """Return the config."""
    config = openclipart()
    small = {**CLIPART_CROP, "count": 2, "size": 16, "crop_scale": (0.05, 0.2)}
    config.objective = {
        "name": "swav",
        "prototypes": 256,
        "queue_size": 512,  # a batch of 128 cannot be spread over 256 prototypes
        "queue_start": 100,
        "projector_hidden": (512,),
        "views": {**CLIPART_PAIR, "small_crop": small},
    }
    config.optimizer.param_groups = (
        {"name": "prototypes", "match": "^prototypes/", "frozen_steps": 50, "weight_decay": 0.0},
        {"name": "no_decay", "match": r"(^|/)(bias|scale)$", "weight_decay": 0.0},
        {"name": "rest", "match": ".*"},
    )
    return config
