r"""Online distillation on Fashion-MNIST, a small student with a teacher by SimCLR: minutes.

    python -m ssljax pretrain \
        --config experiments/image/small/online_distillation_fashion_mnist_resnet.py \
        --workdir runs/online_distillation
"""

from experiments.image.common import CROP, PAIR, RESNET, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist({**RESNET, "width": 8})
    config.objective = {
        "name": "online_distillation",
        "teacher_encoder": RESNET,
        "teacher_objective": {
            "name": "simclr",
            "temperature": 0.2,
            "projector_hidden": (512,),
            "views": PAIR,
        },
        "teacher_temperature": 0.05,
        "queue_size": 4096,
        "projector_hidden": (512,),
        "views": {"crop": CROP},
    }
    return config
