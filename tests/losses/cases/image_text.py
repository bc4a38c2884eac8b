from ssljax import losses
from tests.losses.cases.case import ROWS, Case
from tests.reference.losses import image_text as reference

PAIRS = {"image": ROWS, "text": ROWS}

CASES = {
    "clip": Case(losses.clip, reference.clip, trained=PAIRS, options={"temperature": 0.2}),
    "siglip": Case(
        losses.siglip,
        reference.siglip,
        trained=PAIRS,
        options={"temperature": 0.2, "bias": -3.0},
    ),
}
