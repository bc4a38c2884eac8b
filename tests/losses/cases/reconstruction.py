import numpy as np

from ssljax import losses
from tests.losses.cases.case import BATCH, PATCHES, TOKENS, Case
from tests.reference.losses import reconstruction as reference

_hidden = np.random.default_rng(7).random((BATCH, PATCHES)) < 0.6
_hidden[0], _hidden[1] = False, True

CASES = {
    "masked_mse": Case(
        losses.masked_mse,
        reference.masked_mse,
        trained={"prediction": TOKENS},
        targets={"target": TOKENS},
        extra={"where": _hidden},
        largest=1e15,
    ),
}
