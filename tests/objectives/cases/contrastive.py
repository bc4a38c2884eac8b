from tests.objectives.cases.small import HEAD, PAIR, RESNET

SIMCLR = {"name": "simclr", "views": PAIR, **HEAD}

CASES = {
    "simclr": (RESNET, SIMCLR),
    "moco_v2": (RESNET, {"name": "moco_v2", "views": PAIR, "queue_size": 64, **HEAD}),
}
