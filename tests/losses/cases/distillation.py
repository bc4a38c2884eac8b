from ssljax import losses
from tests.losses.cases.case import DIM, ROWS, Case
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
    "similarity_distillation": Case(
        losses.similarity_distillation,
        reference.similarity_distillation,
        trained={"student": ROWS},
        targets={"teacher": ROWS, "queue": (24, DIM)},
        options={"student_temperature": 0.2, "teacher_temperature": 0.1},
        shared=("queue",),
    ),
}
