import numpy as np

from ssljax import losses
from tests.losses.cases.case import BATCH, DIM, PATCHES, ROWS, TOKENS, Case
from tests.reference.losses import classification as reference

_weights = np.random.default_rng(7).random((BATCH, PATCHES)).astype(np.float32)
_labels = np.random.default_rng(8).integers(-1, DIM, (BATCH, PATCHES)).astype(np.int32)
_labels[0] = -1  # an example without any

CASES = {
    "binary_cross_entropy": Case(
        losses.binary_cross_entropy,
        reference.binary_cross_entropy,
        trained={"logits": ROWS},
        targets={"targets": ROWS},
        largest=1e15,
    ),
    "label_cross_entropy": Case(
        losses.label_cross_entropy,
        reference.label_cross_entropy,
        trained={"logits": TOKENS},
        extra={"labels": _labels},
    ),
    "soft_cross_entropy": Case(
        losses.soft_cross_entropy,
        reference.soft_cross_entropy,
        trained={"logits": TOKENS},
        targets={"targets": TOKENS},
        extra={"weights": _weights},
        largest=1e15,
    ),
}
