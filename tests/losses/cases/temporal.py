import numpy as np

from ssljax import losses
from tests.losses.cases.case import BATCH, DIM, PATCHES, TOKENS, Case
from tests.reference.losses import temporal as reference

_lengths = np.random.default_rng(7).integers(0, PATCHES + 1, BATCH)
_lengths[:2] = 0, PATCHES
_overlap = np.arange(PATCHES) < _lengths[:, None]
_hidden = np.random.default_rng(7).random((BATCH, PATCHES)) < 0.6
_hidden[0], _hidden[1] = False, True
_labels = np.random.default_rng(8).integers(0, DIM, (BATCH, PATCHES)).astype(np.int32)

CASES = {
    "cpc": Case(
        losses.cpc,
        reference.cpc,
        trained={
            "prediction": (BATCH, 2, PATCHES - 2, DIM),
            "local": TOKENS,
            "negatives": (BATCH, PATCHES - 2, 4, DIM),
        },
        options={"temperature": 0.7},
        largest=1e15,
    ),
    "hierarchical_contrastive": Case(
        losses.hierarchical_contrastive,
        reference.hierarchical_contrastive,
        trained={"z1": TOKENS, "z2": TOKENS},
        largest=1e15,
    ),
    "hierarchical_contrastive, overlaps": Case(
        losses.hierarchical_contrastive,
        reference.hierarchical_contrastive,
        trained={"z1": TOKENS, "z2": TOKENS},
        extra={"where": _overlap},
        options={"instance_weight": 0.3, "temporal_from": 1},
        largest=1e15,
    ),
    "dense_predictive": Case(
        losses.dense_predictive,
        reference.dense_predictive,
        trained={"prediction": TOKENS, "target": TOKENS},
        largest=1e15,
    ),
    "next_step": Case(
        losses.next_step,
        reference.next_step,
        trained={"prediction": TOKENS},
        targets={"series": TOKENS},
        largest=1e15,
    ),
    "next_step, padded": Case(
        losses.next_step,
        reference.next_step,
        trained={"prediction": TOKENS},
        targets={"series": TOKENS},
        extra={"where": _overlap},
        largest=1e15,
    ),
    "time_mae": Case(
        losses.time_mae,
        reference.time_mae,
        trained={"prediction": TOKENS, "logits": TOKENS},
        targets={"target": TOKENS},
        extra={"labels": np.where(_hidden, _labels, -1).astype(np.int32), "where": _hidden},
        options={"alignment_weight": 5.0, "codeword_weight": 0.7, "smoothing": 0.2},
        first=("logits",),
        largest=1e15,
    ),
}
