import jax.numpy as jnp

from ssljax import losses
from tests.losses.cases.case import ROWS, Case
from tests.reference.losses import adversarial as reference

CASES = {
    "gan": Case(
        lambda real, fake: jnp.mean(losses.gan(real, fake), axis=-1),
        reference.gan,
        trained={"real": ROWS, "fake": ROWS},
    ),
}
