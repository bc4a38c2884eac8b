r"""SEED on Open Clip Art, a small student of a teacher trained by SimCLR before: minutes.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/simclr_openclipart_resnet.py \
        --workdir runs/simclr
    python -m ssljax pretrain \
        --config experiments/image/small/seed_distillation_openclipart_resnet.py:runs/simclr \
        --workdir runs/seed

Its argument is the workdir of the teacher's run.
"""

from experiments.image.common import CLIPART_CROP, CLIPART_RESNET, openclipart


def get_config(teacher="runs/simclr"):
    """Return the config."""
    config = openclipart({**CLIPART_RESNET, "width": 16}, steps=400)
    config.init_from = (
        {"workdir": teacher, "take": "params/encoder", "put": "objective_state/teacher/params"},
        {
            "workdir": teacher,
            "take": "objective_state/stats/encoder",
            "put": "objective_state/teacher/stats",
        },
    )
    config.objective = {
        "name": "seed_distillation",
        "teacher_encoder": CLIPART_RESNET,
        "teacher_temperature": 0.05,
        "queue_size": 1024,
        "projector_hidden": (512,),
        "views": {"crop": CLIPART_CROP},
    }
    return config
