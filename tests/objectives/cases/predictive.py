from tests.objectives.cases.small import RESNET, SINGLE

CASES = {
    "rotation": (RESNET, {"name": "rotation", "views": SINGLE, "classifier_hidden": (16,)}),
}
