from ssljax import losses
from tests.losses.cases.case import BATCH, DIM, ROWS, Case
from tests.reference.losses import redundancy as reference


def _tico(z1, z2, covariance, *, momentum, weight):
    return losses.tico(z1, z2, covariance, momentum=momentum, weight=weight)[0]


CASES = {
    "barlow_twins": Case(
        losses.barlow_twins,
        reference.barlow_twins,
        trained={"z1": ROWS, "z2": ROWS},
        options={"off_diagonal_weight": 0.1},
        scalar=True,
    ),
    "vicreg": Case(
        losses.vicreg,
        reference.vicreg,
        trained={"z1": ROWS, "z2": ROWS},
        options={"invariance_weight": 25.0, "variance_weight": 25.0, "covariance_weight": 1.0},
        scalar=True,
        largest=1e8,  # the covariance is of the second power, its square of the fourth
    ),
    "w_mse": Case(
        losses.w_mse,
        reference.w_mse,
        trained={"z1": ROWS, "z2": ROWS},
        options={"group_size": BATCH, "epsilon": 0.01},
    ),
    "tico": Case(
        _tico,
        reference.tico,
        trained={"z1": ROWS},
        targets={"z2": ROWS, "covariance": (DIM, DIM)},
        options={"momentum": 0.8, "weight": 8.0},
        shared=("covariance",),
    ),
    "sigreg": Case(
        losses.sigreg,
        reference.sigreg,
        trained={"z": ROWS},
        targets={"directions": (9, DIM)},
        shared=("directions",),
        scalar=True,
    ),
}
