import numpy as np

from ssljax import losses
from tests.losses.cases.case import BATCH, DIM, PATCHES, TOKENS, Case
from tests.reference.losses import speech as reference

_rng = np.random.default_rng(7)
_counted = _rng.random((BATCH, PATCHES)) < 0.6
_counted[0], _counted[1] = False, True
_codes = _rng.integers(0, 2, (BATCH, PATCHES, 2)).astype(np.int32)  # some frames have the same
_negatives = _rng.integers(0, PATCHES - 1, (BATCH, PATCHES, 7)).astype(np.int32)
_negatives += _negatives >= np.arange(PATCHES)[:, None]
_labels = _rng.integers(0, 4, (BATCH, PATCHES)).astype(np.int32)
_contrast = {"trained": {"prediction": TOKENS, "target": TOKENS}, "options": {"temperature": 0.2}}
_scores = (BATCH, PATCHES, 2, DIM)

CASES = {
    "masked_contrastive": Case(
        losses.masked_contrastive,
        reference.masked_contrastive,
        extra={"codes": _codes, "negatives": _negatives},
        **_contrast,
    ),
    "masked_contrastive, padded": Case(
        losses.masked_contrastive,
        reference.masked_contrastive,
        extra={"codes": _codes, "negatives": _negatives, "where": _counted},
        **_contrast,
    ),
    "code_diversity": Case(
        losses.code_diversity,
        reference.code_diversity,
        trained={"logits": _scores},
        scalar=True,
    ),
    "code_diversity, padded": Case(
        losses.code_diversity,
        reference.code_diversity,
        trained={"logits": _scores},
        extra={"where": _counted},
        scalar=True,
    ),
    "masked_units": Case(
        losses.masked_units,
        reference.masked_units,
        trained={"prediction": TOKENS, "units": (4, DIM)},
        extra={"labels": np.where(_counted, _labels, -1).astype(np.int32), "where": _counted},
        options={"temperature": 0.2},
        shared=("units",),
    ),
}
