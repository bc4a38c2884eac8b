from tests.objectives.cases.small import HEAD, PAIR, RESNET, VIT

SIMCLR = {"name": "simclr", "views": PAIR, **HEAD}

CASES = {
    "simclr": (RESNET, SIMCLR),
    "moco_v2": (RESNET, {"name": "moco_v2", "views": PAIR, "queue_size": 64, **HEAD}),
    "moco_v3": (VIT, {"name": "moco_v3", "views": PAIR, "predictor_hidden": (16,), **HEAD}),
}
