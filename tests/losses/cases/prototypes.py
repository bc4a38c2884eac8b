import numpy as np

from ssljax import losses
from tests.losses.cases.case import BATCH, DIM, PATCHES, ROWS, TOKENS, Case
from tests.reference.losses import prototypes as reference

_hidden = np.random.default_rng(7).random((BATCH, PATCHES)) < 0.6
_hidden[0], _hidden[1] = False, True
# Both sides are made with them, the target's without gradient: slopes are not the gradient there.
_prototypes = np.random.default_rng(9).normal(size=(7, DIM))
_temperatures = {"student_temperature": 0.5, "teacher_temperature": 0.3}
_msn = {"temperature": 0.4, "sharpening": 0.5, "entropy_weight": 0.7}

CASES = {
    "dino": Case(
        losses.dino,
        reference.dino,
        trained={"student": ROWS},
        targets={"teacher": ROWS, "center": (DIM,)},
        options=_temperatures,
        shared=("center",),
    ),
    "ibot": Case(
        losses.ibot,
        reference.ibot,
        trained={"student": TOKENS},
        targets={"teacher": TOKENS, "center": (DIM,)},
        extra={"where": _hidden},
        options=_temperatures,
        shared=("center",),
    ),
    "koleo": Case(losses.koleo, reference.koleo, trained={"z": ROWS}, scalar=True),
    "msn": Case(
        losses.msn,
        reference.msn,
        trained={"anchors": TOKENS},
        targets={"targets": ROWS},
        extra={"prototypes": _prototypes},
        options={**_msn, "sinkhorn_iterations": 3},
        shared=("prototypes",),
        scalar=True,
        sharpens=True,
    ),
    "msn, targets not evened": Case(
        losses.msn,
        reference.msn,
        trained={"anchors": TOKENS},
        targets={"targets": ROWS},
        extra={"prototypes": _prototypes},
        options={**_msn, "sinkhorn_iterations": 0},
        shared=("prototypes",),
        scalar=True,
        sharpens=True,
    ),
}
