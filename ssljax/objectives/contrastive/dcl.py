"""DCL: SimCLR without the positive in the denominator; small batches do well."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import dcl, dclw
from ssljax.models import MLP, Chain
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.checks import require_not_negative, require_positive
from ssljax.objectives.siamese import SYMMETRIC, all_views
from ssljax.objectives.views import Views, embed, example


@dataclasses.dataclass(frozen=True)
class DCL:
    """Decoupled contrastive learning (Yeh et al., 2021).

    z_i = projector(encoder(view_i)); the loss is NT-Xent over the 2B views of a batch, but without
    the positive in its denominator. With `sigma` above 0 (the paper's is 0.5), positives are
    weighted: that is DCLW. With `logits_block` above 0 the loss holds so many rows and columns of
    logits at a time.

    Paper: https://arxiv.org/abs/2110.06848. Official code: none is known; the loss is checked
    against lightly's. The paper sums over views, this takes the mean over the 2B rows.
    """

    run: Run
    views: Views = SYMMETRIC
    temperature: float = 0.1
    sigma: float = 0.0
    projector_hidden: tuple = (2048,)
    projector_dim: int = 128
    logits_block: int = 0

    family: ClassVar[str] = "contrastive"
    paper: ClassVar[str] = "arXiv:2110.06848"
    keeps: ClassVar[tuple[str, ...]] = ()
    batch_coupled: ClassVar[bool] = True
    smallest_batch: ClassVar[int] = 2

    def __post_init__(self):
        require_positive(temperature=self.temperature)
        require_not_negative(logits_block=self.logits_block)
        self.views.require(self.run.inputs, count=2)
        if self.sigma < 0:
            raise UserError(
                f"objective.sigma={self.sigma}: it must be positive, or 0 for DCL without weights"
            )

    @property
    def network(self) -> Chain:
        projector = MLP(
            self.projector_hidden,
            self.projector_dim,
            output_norm="scale",
            output_bias=False,
            dtype=self.run.dtype,
        )
        return Chain({"encoder": self.run.encoder, "projector": projector})

    def init_params(self, key, batch):
        return self.network.init(key, example(self.run.inputs))[0]

    def init_memory(self, key, params, batch):
        return {"stats": self.network.init(key, example(self.run.inputs))[1]}

    def loss(self, params, memory, batch, *, key, step):
        views_key, model_key = jax.random.split(key)
        views = {"pair": self.views.stacked(self.run.inputs, views_key, batch)}
        (z1, z2), stats = all_views(self.network, params, memory["stats"], views, model_key)
        options = {"temperature": self.temperature, "block": self.logits_block}
        losses = dclw(z1, z2, sigma=self.sigma, **options) if self.sigma else dcl(z1, z2, **options)
        return jnp.mean(losses), Aux(metrics={}, carry=stats)

    def advance(self, params, memory, carry, *, step):
        return params, {"stats": carry}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
