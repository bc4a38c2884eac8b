import numpy as np

from ssljax import losses
from tests.losses.cases.case import ROWS, Case
from tests.reference.losses import speakers as reference

# Of one speaker there is a single utterance, of some nobody knows whose they are.
_labels = np.array([0, 3, 0, 3, 3, 5, -1, 2, 2, 0, -1, 3, 2, 4, 4, 0], np.int32)

CASES = {
    "ge2e": Case(
        losses.ge2e,
        reference.ge2e,
        trained={"embeddings": ROWS},
        extra={"labels": _labels},
        options={"scale": 3.0, "bias": -1.0},
    ),
    "ge2e, contrast": Case(
        losses.ge2e,
        reference.ge2e,
        trained={"embeddings": ROWS},
        extra={"labels": _labels},
        options={"scale": 3.0, "bias": -1.0, "variant": "contrast"},
    ),
}
