r"""Online distillation on Open Clip Art, a small student with a teacher by SimCLR: minutes.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain \
        --config experiments/image/small/online_distillation_openclipart_resnet.py \
        --workdir runs/online_distillation
"""

from experiments.image.common import CLIPART_CROP, CLIPART_PAIR, CLIPART_RESNET, openclipart


def get_config():
    """Return the config."""
    config = openclipart({**CLIPART_RESNET, "width": 16}, steps=400)
    config.objective = {
        "name": "online_distillation",
        "teacher_encoder": CLIPART_RESNET,
        "teacher_objective": {
            "name": "simclr",
            "temperature": 0.2,
            "projector_hidden": (512,),
            "views": CLIPART_PAIR,
        },
        "teacher_temperature": 0.05,
        "queue_size": 1024,
        "projector_hidden": (512,),
        "views": {"crop": CLIPART_CROP},
    }
    return config
