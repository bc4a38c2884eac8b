from tests.objectives.cases.contrastive import SIMCLR
from tests.objectives.cases.masked import MAE
from tests.objectives.cases.small import VIT

CASES = {
    "combine": (
        VIT,
        {"name": "combine", "weights": {"mae": 0.5}, "tasks": {"simclr": SIMCLR, "mae": MAE}},
    ),
}
