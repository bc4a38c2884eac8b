r"""SEED as published: ResNet-18 learns from a frozen ResNet-50, batch 256, 200 epochs of ImageNet.

    python -m ssljax pretrain \
        --config experiments/image/paper/seed_distillation_imagenet_resnet18.py \
        --workdir SHARED/seed --distributed

Paper: 57.6 linear top-1, teacher MoCo v2 of 200 epochs (Fang et al., 2021, table 1,
https://arxiv.org/abs/2101.04731).
Needs: 8 accelerators of 16 GB, and the run of
experiments/image/paper/moco_v2_imagenet_resnet50.py, from which the teacher is taken; change its
workdir below.
Not run here. Deviates: bfloat16 compute; the teacher's features are compared, not the output of its
projector.
"""

from experiments.image.augmentation import MOCO_V2
from experiments.image.common import ALL_ALIKE, imagenet

TEACHER = "SHARED/moco_v2"


def get_config():
    """Return the config."""
    config = imagenet("resnet18", batch_size=256, epochs=200)
    config.init_from = (
        {"workdir": TEACHER, "take": "params/encoder", "put": "objective_state/teacher/params"},
        {
            "workdir": TEACHER,
            "take": "objective_state/stats/encoder",
            "put": "objective_state/teacher/stats",
        },
    )
    config.objective = {
        "name": "seed_distillation",
        "teacher_encoder": {"name": "resnet50", "dtype": "bfloat16"},
        "temperature": 0.2,
        "teacher_temperature": 0.01,
        "queue_size": 65536,
        "projector_hidden": (512,),
        "views": {"crop": {**MOCO_V2["crop"], "count": 1}},
    }
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 0.03
    config.optimizer.weight_decay = 1e-4
    config.optimizer.param_groups = ALL_ALIKE
    return config
