from tests.objectives.cases.clustering import MULTI_CROP
from tests.objectives.cases.small import HEAD, PAIR, RESNET

CASES = {
    "barlow_twins": (RESNET, {"name": "barlow_twins", "views": PAIR, **HEAD}),
    "lejepa": (RESNET, {"name": "lejepa", "views": MULTI_CROP, "directions": 16, **HEAD}),
    # A heavy covariance keeps the loss positive, one of this batch alone keeps it falling.
    "tico": (
        RESNET,
        {"name": "tico", "views": PAIR, "weight": 20.0, "covariance_momentum": 0.1, **HEAD},
    ),
    "vicreg": (RESNET, {"name": "vicreg", "views": PAIR, **HEAD}),
    "w_mse": (
        RESNET,
        {"name": "w_mse", "views": PAIR, "group_size": 8, **HEAD, "projector_dim": 4},
    ),
}
