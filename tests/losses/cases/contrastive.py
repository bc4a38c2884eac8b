import numpy as np

from ssljax import losses
from tests.losses.cases.case import BATCH, DIM, ROWS, Case
from tests.reference.losses import contrastive as reference

_labels = np.random.default_rng(7).integers(0, 4, BATCH).astype(np.int32)
_some_labels = np.where(np.arange(BATCH) % 3 == 0, -1, _labels).astype(np.int32)
_ids = np.random.default_rng(7).integers(0, 24, BATCH).astype(np.int32)

CASES = {
    "nt_xent": Case(
        losses.nt_xent,
        reference.nt_xent,
        trained={"z1": ROWS, "z2": ROWS},
        options={"temperature": 0.2},
        modes=("rev",),
    ),
    "info_nce": Case(
        losses.info_nce,
        reference.info_nce,
        trained={"query": ROWS},
        targets={"positive": ROWS, "negatives": (24, DIM)},
        options={"temperature": 0.2},
        shared=("negatives",),
    ),
    "batch_info_nce": Case(
        losses.batch_info_nce,
        reference.batch_info_nce,
        trained={"query": ROWS, "keys": ROWS},
        options={"temperature": 0.2},
    ),
    "batch_info_nce, products": Case(
        losses.batch_info_nce,
        reference.batch_info_nce,
        trained={"query": ROWS, "keys": ROWS},
        options={"temperature": 0.7, "normalize": False},
        largest=1e15,
    ),
    "dcl": Case(
        losses.dcl,
        reference.dcl,
        trained={"z1": ROWS, "z2": ROWS},
        options={"temperature": 0.2},
        modes=("rev",),
    ),
    "dclw": Case(
        losses.dclw,
        reference.dclw,
        trained={"z1": ROWS, "z2": ROWS},
        options={"temperature": 0.2, "sigma": 0.5},
        modes=(),  # its weights are constants; test_contrastive.py has the slope
    ),
    "sup_con": Case(
        losses.sup_con,
        reference.sup_con,
        trained={"z1": ROWS, "z2": ROWS},
        extra={"labels": _labels},
        options={"temperature": 0.2},
        modes=("rev",),
    ),
    "sup_con, some without a label": Case(
        losses.sup_con,
        reference.sup_con,
        trained={"z1": ROWS, "z2": ROWS},
        extra={"labels": _some_labels},
        options={"temperature": 0.2},
        modes=("rev",),
    ),
    "relational": Case(
        losses.relational,
        reference.relational,
        trained={"student": ROWS},
        targets={"teacher": ROWS, "memory": (24, DIM)},
        options={"student_temperature": 0.2, "teacher_temperature": 0.1},
        shared=("memory",),
    ),
    "noise_contrastive": Case(
        losses.noise_contrastive,
        reference.noise_contrastive,
        trained={"z": ROWS},
        targets={"positive": ROWS, "noise": (24, DIM)},
        options={"temperature": 0.2, "log_normalizer": 3.7, "examples": 50},
        shared=("noise",),
    ),
    "non_parametric_softmax": Case(
        losses.non_parametric_softmax,
        reference.non_parametric_softmax,
        trained={"z": ROWS},
        targets={"bank": (24, DIM)},
        extra={"ids": _ids},
        options={"temperature": 0.2},
        shared=("bank",),
    ),
}
