from tests.objectives.cases.contrastive import SIMCLR
from tests.objectives.cases.masked import MAE
from tests.objectives.cases.small import POOLED_VIT

CASES = {
    "combine": (
        POOLED_VIT,
        {"name": "combine", "weights": {"mae": 4.0}, "tasks": {"simclr": SIMCLR, "mae": MAE}},
    ),
}
