from ssljax.spec import LABEL, Field
from tests.objectives.cases.language import BERT
from tests.objectives.cases.series import TRANSFORMER
from tests.objectives.cases.small import RESNET, SINGLE, VIT
from tests.objectives.cases.table import MLP

SUPERVISED = {"name": "supervised", "views": SINGLE}

CASES = {
    "supervised": (VIT, {**SUPERVISED, "smoothing": 0.1, "mixup": 0.8, "cutmix": 1.0}),
    "supervised, moving average": (RESNET, {**SUPERVISED, "ema": 0.9}),
    "supervised, masks": (VIT, {**SUPERVISED, "head_norm": "batch"}),
    "supervised, several labels of series": (
        {**TRANSFORMER, "norm_pooled": True},
        {"name": "supervised", "mixup": 0.5, "cutmix": 0.5},
    ),
    "supervised, tags of words": (
        {**BERT, "dropout": 0.1},
        {"name": "supervised", "head_dropout": 0.1, "head_std": 0.02},
    ),
    "supervised, regression from a table": (
        MLP,
        {"name": "supervised", "views": {"corrupted": {"rate": 0.34}}, "head_std": 0.1},
    ),
}
LABELLED = dict.fromkeys(CASES, LABEL.replace(classes=10)) | {
    "supervised, masks": Field("label", (8, 8), "int32", classes=2),
    "supervised, several labels of series": Field("label", (2,), "uint8"),
    "supervised, tags of words": Field("label", (16,), "int32", classes=2),
    "supervised, regression from a table": Field(
        "label", (2,), "float32", mean=(5.0, 8.0), std=(4.0, 2.0)
    ),
}
