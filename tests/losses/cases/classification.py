import numpy as np

from ssljax import losses
from tests.losses.cases.case import BATCH, PATCHES, TOKENS, Case
from tests.reference.losses import classification as reference

_weights = np.random.default_rng(7).random((BATCH, PATCHES)).astype(np.float32)

CASES = {
    "soft_cross_entropy": Case(
        losses.soft_cross_entropy,
        reference.soft_cross_entropy,
        trained={"logits": TOKENS},
        targets={"targets": TOKENS},
        extra={"weights": _weights},
        largest=1e15,
    ),
}
