from tests.objectives.cases.masked import DECODER

TRANSFORMER = {
    "name": "video_transformer",
    "tubelet": 2,
    "patch_size": 4,
    "image_size": 8,
    "frames": 4,
    "width": 16,
    "depth": 2,
    "heads": 2,
}

CASES = {
    # By the files that images have.
    "mae, video": (TRANSFORMER, {"name": "mae", "tubes": True, **DECODER}),
}
