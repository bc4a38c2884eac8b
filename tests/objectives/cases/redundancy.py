from tests.objectives.cases.small import HEAD, PAIR, RESNET

CASES = {
    "barlow_twins": (RESNET, {"name": "barlow_twins", "views": PAIR, **HEAD}),
    "vicreg": (RESNET, {"name": "vicreg", "views": PAIR, **HEAD}),
}
