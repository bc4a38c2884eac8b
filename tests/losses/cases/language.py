import numpy as np

from ssljax import losses
from tests.losses.cases.case import BATCH, DIM, PATCHES, ROWS, TOKENS, Case
from tests.reference.losses import language as reference

VOCAB = 7
_rng = np.random.default_rng(9)
_hidden = _rng.random((BATCH, PATCHES)) < 0.6
_hidden[0], _hidden[1] = False, True
_ids = _rng.integers(0, VOCAB, (BATCH, PATCHES)).astype(np.int32)
_segments = np.sort(_rng.integers(1, 3, (BATCH, PATCHES)), axis=1).astype(np.int32)
_segments[2:6, 3:] = 0
_segments[0] = [1, 2, 3, 4, 5]  # nothing follows anything
_real = _rng.random(ROWS) < 0.7
_real[0], _real[1] = False, True

MASKED = {"ids": np.where(_hidden, _ids, -1).astype(np.int32), "where": _hidden}
CAUSAL = {"ids": np.where(_segments > 0, _ids, -1).astype(np.int32), "segments": _segments}
VECTORS = {"features": TOKENS, "embedding": (VOCAB, DIM)}


def case(name, extra, **options):
    loss, loop = getattr(losses, name), getattr(reference, name)
    fields = {"trained": VECTORS, "shared": ("embedding", "bias"), "largest": 1e15, **options}
    fields["modes"] = ("rev",)
    return Case(loss, loop, extra=extra, **fields)


CASES = {
    "masked_lm": case("masked_lm", MASKED),
    "masked_lm, with a bias, in blocks": case(
        "masked_lm",
        MASKED,
        trained={**VECTORS, "bias": (DIM,), "embedding": (DIM, DIM)},
        first=("bias",),
        options={"block": 2},
    ),
    "causal_lm": case("causal_lm", CAUSAL),
    "causal_lm, in blocks": case("causal_lm", CAUSAL, options={"block": 3}),
    "replaced_token": Case(
        losses.replaced_token,
        reference.replaced_token,
        trained={"logits": ROWS},
        extra={"replaced": _rng.random(ROWS) < 0.4, "where": _real},
    ),
    "skip_gram": Case(
        losses.skip_gram,
        reference.skip_gram,
        trained={"centre": ROWS, "context": ROWS, "noise": TOKENS},
        largest=1e15,
    ),
}
MASKED_BIAS = CASES["masked_lm, with a bias, in blocks"].extra
MASKED_BIAS["ids"] = np.minimum(MASKED_BIAS["ids"], DIM - 1)
