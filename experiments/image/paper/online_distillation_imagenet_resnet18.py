r"""Online distillation on ImageNet: ResNet-18 beside the ResNet-50 it learns from, batch 4096.

    python -m ssljax pretrain \
        --config experiments/image/paper/online_distillation_imagenet_resnet18.py \
        --workdir SHARED/online --distributed

Paper: none reports this recipe on ImageNet (DoGo, https://arxiv.org/abs/2104.09866, has smaller
sets): the teacher's part is SimCLR's, the student's is SEED's.
Needs: what SimCLR needs (experiments/image/paper/simclr_imagenet_resnet50.py), and a tenth more.
Not run here. Deviates: bfloat16 compute.
"""

from experiments.image.augmentation import MOCO_V2
from experiments.image.paper import simclr_imagenet_resnet50


def get_config():
    """Return the config."""
    config = simclr_imagenet_resnet50.get_config()
    teacher = {"teacher_encoder": config.encoder, "teacher_objective": config.objective}
    config.encoder = {"name": "resnet18", "dtype": "bfloat16"}
    config.objective = {
        "name": "online_distillation",
        **teacher,
        "temperature": 0.2,
        "teacher_temperature": 0.01,
        "queue_size": 65536,
        "projector_hidden": (512,),
        "views": {"crop": {**MOCO_V2["crop"], "count": 1}},
    }
    return config
