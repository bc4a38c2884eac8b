from tests.objectives.cases.masked import DECODER
from tests.objectives.cases.small import HEAD

TRANSFORMER = {
    "name": "series_transformer",
    "patch_size": 4,
    "length": 16,
    "width": 16,
    "depth": 2,
    "heads": 2,
}
CONVOLUTIONS = {"name": "ts2vec", "hidden": 8, "out": 12, "depth": 2}
GRU = {"name": "series_gru", "channels": 12, "context": 8, "norm": "layer"}

CASES = {
    "next_step": (
        {**TRANSFORMER, "causal": True},
        {"name": "next_step", "views": {"crop": {"jitter": 0.1}}},
    ),
    "time_mae": (TRANSFORMER, {"name": "time_mae", "codewords": 8, "decoder_depth": 1}),
    "ts2vec": (CONVOLUTIONS, {"name": "ts2vec", "instance_weight": 0.5}),
    "cpc, series": (
        GRU,
        {"name": "cpc", "steps": 1, "negatives": 4, "negatives_from": "sequence"},
    ),
    # By the files that images have, with the views that their defaults stand for.
    "byol, series": (CONVOLUTIONS, {"name": "byol", "predictor_hidden": (16,), **HEAD}),
    "deepcluster_v2, series": (
        TRANSFORMER,
        {"name": "deepcluster_v2", "prototypes": (6, 4), **HEAD},
    ),
    "mae, series": (TRANSFORMER, {"name": "mae", **DECODER}),
    "simclr, series": (CONVOLUTIONS, {"name": "simclr", "temperature": 0.5, **HEAD}),
}
