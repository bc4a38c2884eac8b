from ssljax import losses
from tests.losses.cases.case import BATCH, TOKENS, Case
from tests.reference.losses import variational as reference

LATENT = (BATCH, 6)


def _case(likelihood, beta):
    return Case(
        losses.vae,
        reference.vae,
        trained={"reconstruction": TOKENS, "mean": LATENT, "log_variance": LATENT},
        targets={"x": TOKENS},
        options={"likelihood": likelihood, "beta": beta},
        first=("mean",),
        largest=1e15,
    )


CASES = {
    "kl_to_normal": Case(
        losses.kl_to_normal,
        reference.kl_to_normal,
        trained={"mean": LATENT, "log_variance": LATENT},
        largest=1e15,
    ),
    "vae, bernoulli": _case("bernoulli", 1.0),
    "vae, gaussian, beta 4": _case("gaussian", 4.0),
}
