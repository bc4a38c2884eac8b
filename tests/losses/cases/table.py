import numpy as np

from ssljax import losses
from tests.losses.cases.case import BATCH, PATCHES, ROWS, TOKENS, Case
from tests.reference.losses import table as reference

_hidden = np.random.default_rng(7).random((BATCH, PATCHES)) < 0.6
_hidden[0], _hidden[1] = False, True
_cardinalities = (0, 6, 3, 0, 2)
_rows = np.random.default_rng(8).random((BATCH, PATCHES))
_rows = np.where(_cardinalities, np.floor(_rows * _cardinalities), np.round(_rows, 2))

CASES = {
    "vime": Case(
        losses.vime,
        reference.vime,
        trained={"mask_logits": ROWS, "reconstruction": ROWS},
        targets={"target": ROWS},
        extra={"mask": np.random.default_rng(9).random(ROWS) < 0.3},
        options={"alpha": 1.7},
        first=("reconstruction",),
        largest=1e15,
    ),
    "masked_columns": Case(
        losses.masked_columns,
        reference.masked_columns,
        trained={"prediction": TOKENS},
        extra={"target": np.where(_hidden, _rows, np.nan).astype(np.float32), "where": _hidden},
        options={"cardinalities": _cardinalities},
        largest=1e15,
    ),
}
