import numpy as np

from ssljax import losses
from tests.losses.cases.case import BATCH, DIM, ROWS, Case
from tests.reference.losses import clustering as reference

_ids = np.random.default_rng(7).integers(0, DIM, BATCH).astype(np.int32)
_unassigned = np.where(np.arange(BATCH) % 5 == 0, -100, _ids).astype(np.int32)

CASES = {
    "prototype_cross_entropy": Case(
        losses.prototype_cross_entropy,
        reference.prototype_cross_entropy,
        trained={"scores": ROWS},
        extra={"assignments": _ids},
        options={"temperature": 0.5},
    ),
    "prototype_cross_entropy, some unassigned": Case(
        losses.prototype_cross_entropy,
        reference.prototype_cross_entropy,
        trained={"scores": ROWS},
        extra={"assignments": _unassigned, "where": _unassigned >= 0},
        options={"temperature": 0.5},
    ),
    "swapped_prediction": Case(
        losses.swapped_prediction,
        reference.swapped_prediction,
        trained={"scores": ROWS},
        targets={"assignments": ROWS},
        options={"temperature": 0.5},
        largest=1e15,
    ),
}
