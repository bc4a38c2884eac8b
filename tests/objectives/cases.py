"""A small config of every objective: what a new one must add to be covered by the tests of all."""

from ml_collections import ConfigDict

RESNET = {"name": "resnet", "stage_sizes": (1, 1), "width": 8, "stem": "small"}
VIT = {"name": "vit", "patch_size": 2, "image_size": 8, "width": 16, "depth": 2, "heads": 2}
PAIR = {"crop": {"count": 2, "crop_scale": (0.3, 1.0), "flip": 0.5, "contrast": 0.4}}
SINGLE = {"crop": {"crop_scale": (0.3, 1.0), "flip": 0.5}}
HEAD = {"projector_hidden": (16,), "projector_dim": 8}
DECODER = {"decoder_width": 16, "decoder_depth": 1, "decoder_heads": 2}

SIMCLR = {"name": "simclr", "views": PAIR, **HEAD}
MAE = {"name": "mae", "views": SINGLE, **DECODER}

CASES = {
    "simclr": (RESNET, SIMCLR),
    "moco_v2": (RESNET, {"name": "moco_v2", "views": PAIR, "queue_size": 64, **HEAD}),
    "byol": (RESNET, {"name": "byol", "views": PAIR, "predictor_hidden": (16,), **HEAD}),
    "mae": (VIT, MAE),
    "deepcluster_v2": (
        RESNET,
        {"name": "deepcluster_v2", "views": PAIR, "prototypes": (6, 4), **HEAD},
    ),
    "combine": (
        VIT,
        {"name": "combine", "weights": {"mae": 0.5}, "tasks": {"simclr": SIMCLR, "mae": MAE}},
    ),
}


def config_of(case: str) -> ConfigDict:
    """Return the config of a short run on scikit-learn's digits."""
    encoder, objective = CASES[case]
    return ConfigDict(
        {
            "steps": 12,
            "batch_size": 32,
            "encoder": encoder,
            "objective": objective,
            "optimizer": {"learning_rate": 0.003, "weight_decay": 0.01},
            "data": {"source": "sklearn:digits"},
            "log_every": 5,
            "progress": False,
            "checkpoint": {"every": 4},
            "evaluation": {"final": False},
        }
    )
