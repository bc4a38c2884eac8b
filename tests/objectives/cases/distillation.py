from tests.objectives.cases.contrastive import SIMCLR
from tests.objectives.cases.small import HEAD, PAIR, RESNET, SINGLE, VIT

CROPS = {
    "global": {"count": 2, "crop_scale": (0.4, 1.0), "flip": 0.5, "contrast": 0.4},
    "local": {"count": 2, "size": 4, "crop_scale": (0.1, 0.4), "flip": 0.5},
}
# In a trial of thirty steps a loss can fall only while the centre, which moves its target, is slow.
CENTER = {"center_momentum": 0.99}
PROTOTYPES = {"prototypes": 12, "head_hidden": (16,), "bottleneck": 8, "temperature_steps": 5}
DINOV2 = {
    "name": "dinov2",
    "views": CROPS,
    "patch_prototypes": 10,
    "patch_bottleneck": 6,
    "learned_lengths": True,
    "koleo_group": 4,
    **PROTOTYPES,
}
MSN = {
    "name": "msn",
    "views": {"random": CROPS["global"], "focal": CROPS["local"]},
    "prototypes": 12,
    "head_hidden": (16,),
    "head_dim": 8,
}
ONLINE = {
    "name": "online_distillation",
    "views": SINGLE,
    "teacher_encoder": {**RESNET, "width": 16},
    "teacher_objective": SIMCLR,
    "teacher_temperature": 0.1,
    "queue_size": 64,
    "projector_hidden": (16,),
}
SEED = {
    "name": "seed_distillation",
    **{key: value for key, value in ONLINE.items() if key not in ("name", "teacher_objective")},
    "teacher_temperature": 0.01,  # a fresh teacher finds all images alike
}

CASES = {
    "byol": (RESNET, {"name": "byol", "views": PAIR, "predictor_hidden": (24,), **HEAD}),
    "dino": (RESNET, {"name": "dino", "views": CROPS, **PROTOTYPES, **CENTER}),
    "dinov2": (VIT, DINOV2),
    "ibot": (VIT, {"name": "ibot", "views": CROPS, **PROTOTYPES, **CENTER}),
    "msn": (VIT, MSN),
    "online_distillation": (RESNET, ONLINE),
    "seed_distillation": (RESNET, SEED),
    "simsiam": (RESNET, {"name": "simsiam", "views": PAIR, "predictor_hidden": (4,), **HEAD}),
}
