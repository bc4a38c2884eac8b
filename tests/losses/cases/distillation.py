from ssljax import losses
from tests.losses.cases.case import ROWS, Case
from tests.reference.losses import distillation as reference

CASES = {
    "byol_regression": Case(
        losses.byol_regression,
        reference.byol_regression,
        trained={"p": ROWS},
        targets={"z": ROWS},
    ),
    "negative_cosine": Case(
        losses.negative_cosine,
        reference.negative_cosine,
        trained={"p": ROWS},
        targets={"z": ROWS},
    ),
}
