import numpy as np

from ssljax import losses
from tests.losses.cases.case import BATCH, DIM, PATCHES, TOKENS, Case
from tests.reference.losses import reconstruction as reference

_hidden = np.random.default_rng(7).random((BATCH, PATCHES)) < 0.6
_hidden[0], _hidden[1] = False, True
_labels = np.random.default_rng(8).integers(0, DIM, (BATCH, PATCHES)).astype(np.int32)

CASES = {
    "mse": Case(
        losses.mse,
        reference.mse,
        trained={"prediction": TOKENS},
        targets={"target": TOKENS},
        largest=1e15,
    ),
    "masked_mse": Case(
        losses.masked_mse,
        reference.masked_mse,
        trained={"prediction": TOKENS},
        targets={"target": TOKENS},
        extra={"where": _hidden},
        largest=1e15,
    ),
    "masked_l1": Case(
        losses.masked_l1,
        reference.masked_l1,
        trained={"prediction": TOKENS},
        targets={"target": TOKENS},
        extra={"where": _hidden},
    ),
    "smooth_l1": Case(
        losses.smooth_l1,
        reference.smooth_l1,
        trained={"prediction": TOKENS},
        targets={"target": TOKENS},
    ),
    "smooth_l1, masked": Case(
        losses.smooth_l1,
        reference.smooth_l1,
        trained={"prediction": TOKENS},
        targets={"target": TOKENS},
        extra={"where": _hidden},
        options={"beta": 0.3},
    ),
    "masked_cross_entropy": Case(
        losses.masked_cross_entropy,
        reference.masked_cross_entropy,
        trained={"logits": TOKENS},
        extra={"labels": np.where(_hidden, _labels, -1).astype(np.int32), "where": _hidden},
    ),
}
