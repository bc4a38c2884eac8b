from tests.objectives.cases.contrastive import SIMCLR
from tests.objectives.cases.masked import MAE
from tests.objectives.cases.paired import TEXT
from tests.objectives.cases.small import POOLED_VIT

WORDS = {key: value for key, value in MAE.items() if key != "views"} | {"field": "text"}

CASES = {
    "combine": (
        POOLED_VIT,
        {"name": "combine", "weights": {"mae": 4.0}, "tasks": {"simclr": SIMCLR, "mae": MAE}},
    ),
    "combine, fields": (
        POOLED_VIT,
        {
            "name": "combine",
            "shared": ("encoder/trunk",),
            "tasks": {"pictures": MAE, "words": WORDS},
        },
    ),
}
FURTHER = {"combine, fields": {"text": {**TEXT, "depth": 2}}}
