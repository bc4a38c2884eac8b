from tests.objectives.cases.small import HEAD, PAIR, RESNET

CASES = {
    "deepcluster_v2": (
        RESNET,
        {"name": "deepcluster_v2", "views": PAIR, "prototypes": (6, 4), **HEAD},
    ),
}
