from ssljax import losses
from tests.losses.cases.case import DIM, ROWS, Case
from tests.reference.losses import contrastive as reference

CASES = {
    "nt_xent": Case(
        losses.nt_xent,
        reference.nt_xent,
        trained={"z1": ROWS, "z2": ROWS},
        options={"temperature": 0.2},
        modes=("rev",),
    ),
    "info_nce": Case(
        losses.info_nce,
        reference.info_nce,
        trained={"query": ROWS},
        targets={"positive": ROWS, "negatives": (24, DIM)},
        options={"temperature": 0.2},
        shared=("negatives",),
    ),
}
