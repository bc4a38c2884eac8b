from tests.objectives.cases.small import HEAD, PAIR, RESNET

CASES = {
    "byol": (RESNET, {"name": "byol", "views": PAIR, "predictor_hidden": (16,), **HEAD}),
    "simsiam": (RESNET, {"name": "simsiam", "views": PAIR, "predictor_hidden": (4,), **HEAD}),
}
