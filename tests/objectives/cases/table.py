from tests.objectives.cases.masked import DECODER
from tests.objectives.cases.small import HEAD

TRANSFORMER = {"name": "table_transformer", "width": 16, "depth": 2, "heads": 2}
MLP = {"name": "table_mlp", "hidden": (16, 16)}

CASES = {
    "vime": (MLP, {"name": "vime", "rate": 0.3}),
    # By the files that images have; two views are a clean and a corrupted one.
    "byol, table": (MLP, {"name": "byol", "predictor_hidden": (16,), **HEAD}),
    "deepcluster_v2, table": (MLP, {"name": "deepcluster_v2", "prototypes": (6, 4), **HEAD}),
    "mae, table": (TRANSFORMER, {"name": "mae", **DECODER}),
    "simclr, table": (
        MLP,
        {
            "name": "simclr",
            "temperature": 0.5,
            "views": {"clean": {"rate": 0.0}, "corrupted": {"rate": 0.34}},
            **HEAD,
        },
    ),
}
