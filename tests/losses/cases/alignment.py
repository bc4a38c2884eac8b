import numpy as np

from ssljax import losses
from tests.losses.cases.case import BATCH, Case
from tests.reference.losses import alignment as reference

_rng = np.random.default_rng(3)
_labels = _rng.integers(0, 5, (BATCH, 3)).astype(np.int32)
_labels[np.arange(3) >= _rng.integers(0, 4, BATCH)[:, None]] = -1
_labels[0], _labels[1], _labels[2] = 2, (1, 1, -1), -1  # too long for four times, repeated, none

CASES = {
    "ctc": Case(
        losses.ctc,
        reference.ctc,
        trained={"logits": (BATCH, 4, 6)},
        extra={"labels": _labels},
        largest=1e15,
    ),
}
