"""Objectives on spectrograms, by the files that images have."""

from ssljax.spec import LABEL, Field
from tests.objectives.cases.masked import DECODER
from tests.objectives.cases.small import HEAD

TRANSFORMER = {
    "name": "audio_transformer",
    "patch_time": 4,
    "patch_bands": 4,
    "frames": 8,
    "bands": 8,
    "width": 16,
    "depth": 2,
    "heads": 2,
}
CONVOLUTIONS = {
    "name": "audio_convolutions",
    "channels": 4,
    "blocks": 2,
    "out": 12,
    "dropout": 0.0,
}
GRU = {"name": "audio_gru", "channels": 12, "context": 8, "kernels": (2,), "strides": (1,)}
GE2E = {"name": "ge2e", "embedding_dim": 6, "views": {"crop": {"shift": 0.2}}}

CASES = {
    "cpc": (GRU, {"name": "cpc", "steps": 2, "negatives": 8}),
    "ge2e": (CONVOLUTIONS, GE2E),
    "ge2e, contrast": (
        CONVOLUTIONS,
        {**GE2E, "variant": "contrast"},
    ),
    "ctc": (
        {**TRANSFORMER, "patch_time": 2},
        {"name": "ctc", "views": {"crop": {"shift": 0.1}}, "head_std": 0.1},
    ),
    # A token for each frame, as officially.
    "tera": (
        {**TRANSFORMER, "patch_time": 1, "patch_bands": 8},
        {"name": "tera", "mask_ratio": 0.4, "mask_frames": 2, "mask_bands": 0.3},
    ),
    "mae, audio": (TRANSFORMER, {"name": "mae", **DECODER}),
    "simclr, bilinear": (
        CONVOLUTIONS,
        {"name": "simclr", "similarity": "bilinear", "temperature": 1.0, **HEAD},
    ),
    "simclr, audio": (CONVOLUTIONS, {"name": "simclr", "temperature": 0.5, **HEAD}),
}
LABELLED = dict.fromkeys(("ge2e", "ge2e, contrast"), LABEL.replace(classes=10)) | {
    "ctc": Field("label", (2,), "int32", vocab=4, classes=4)
}
