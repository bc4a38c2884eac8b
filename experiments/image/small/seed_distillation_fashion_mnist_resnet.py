r"""SEED on Fashion-MNIST, a small student of a teacher trained by SimCLR before: minutes.

    python -m ssljax pretrain --config experiments/image/small/simclr_fashion_mnist_resnet.py \
        --workdir runs/simclr
    python -m ssljax pretrain \
        --config experiments/image/small/seed_distillation_fashion_mnist_resnet.py:runs/simclr \
        --workdir runs/seed

Its argument is the workdir of the teacher's run.
"""

from experiments.image.common import CROP, RESNET, fashion_mnist


def get_config(teacher="runs/simclr"):
    """Return the config."""
    config = fashion_mnist({**RESNET, "width": 8})
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
        "teacher_encoder": RESNET,
        "teacher_temperature": 0.05,
        "queue_size": 4096,
        "projector_hidden": (512,),
        "views": {"crop": CROP},
    }
    return config
