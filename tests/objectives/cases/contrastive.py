from tests.objectives.cases.small import HEAD, PAIR, RESNET, SINGLE, VIT

# At the default temperature, 0.1, a nudge by one unit in the last place may move a unit of ReLU
# across 0, and so the loss by 6e-3 within twenty steps. At this one, that of CIFAR-10, none of
# twelve nudges moves it by 1e-6.
SIMCLR = {"name": "simclr", "views": PAIR, "temperature": 0.5, **HEAD}
STRONG, WEAK = PAIR["crop"] | {"count": 1}, SINGLE["crop"]
PREDICTED = {"views": PAIR, "predictor_hidden": (16,), **HEAD}

CASES = {
    "curl": (
        {"name": "pixel_convolutions", "channels": 4, "depth": 2, "out": 8},
        {"name": "curl", "views": {"crop": {**PAIR["crop"], "crop_scale": (0.5, 1.0)}}},
    ),
    "dcl": (RESNET, {"name": "dcl", "views": PAIR, **HEAD}),
    "moco_v2": (RESNET, {"name": "moco_v2", "views": PAIR, "queue_size": 64, **HEAD}),
    # So class tokens of a fresh encoder differ more: batch normalisation magnifies rounding less.
    "moco_v3": ({**VIT, "qk_norm": True}, {"name": "moco_v3", **PREDICTED}),
    "nnclr": (RESNET, {"name": "nnclr", "queue_size": 64, **PREDICTED}),
    "npid": (
        RESNET,
        {"name": "npid", "views": SINGLE, "temperature": 0.5, "negatives": 256, "projector_dim": 8},
    ),
    "npid, whole bank": (
        RESNET,
        {"name": "npid", "views": SINGLE, "temperature": 0.5, "negatives": 0, "projector_dim": 8},
    ),
    "ressl": (
        RESNET,
        {
            "name": "ressl",
            "projector_norm": True,  # without, so small a network drifts to log K
            "views": {"strong": STRONG, "weak": WEAK},
            "momentum": 0.9,
            "queue_size": 64,
            **HEAD,
        },
    ),
    "simclr": (RESNET, SIMCLR),
    "supcon": (RESNET, {"name": "supcon", "views": PAIR, **HEAD}),
}
