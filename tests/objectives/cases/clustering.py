from tests.objectives.cases.small import HEAD, PAIR, RESNET

MULTI_CROP = {**PAIR, "small_crop": {"count": 2, "size": 4, "crop_scale": (0.1, 0.3)}}

CASES = {
    "deepcluster_v2": (
        RESNET,
        {"name": "deepcluster_v2", "views": MULTI_CROP, "prototypes": (6, 4), **HEAD},
    ),
    "swav": (
        RESNET,
        {"name": "swav", "views": MULTI_CROP, "prototypes": 6, "queue_size": 32, **HEAD},
    ),
}
