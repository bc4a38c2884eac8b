from ssljax import losses
from tests.losses.cases.case import TOKENS, Case
from tests.reference.losses import regression as reference

CASES = {
    "mse": Case(
        losses.mse,
        reference.mse,
        trained={"prediction": TOKENS},
        targets={"target": TOKENS},
        largest=1e15,
    ),
}
