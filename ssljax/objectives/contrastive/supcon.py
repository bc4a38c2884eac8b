"""SupCon: views of images of the same class agree; without labels, those of an image."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.losses import sup_con
from ssljax.models import MLP, Chain
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.checks import require_not_negative, require_positive
from ssljax.objectives.siamese import SYMMETRIC, all_views
from ssljax.objectives.views import Views, embed, example


@dataclasses.dataclass(frozen=True)
class SupCon:
    """Supervised contrastive learning (Khosla et al., 2020).

    z_i = projector(encoder(view_i)); the loss is L_out over the 2B views of a batch: the mean over
    all views of the same class, in place of the other view, in NT-Xent. It is shown labels if
    config.data.labels is true; an image whose label is below 0 is a class of its own, and so are
    all images where there are no labels: the loss then is NT-Xent. With `logits_block` above 0 it
    holds so many rows and columns of logits at a time.

    Paper: https://arxiv.org/abs/2004.11362. Official code: HobbitLong/SupContrast, losses.py,
    which multiplies the loss by temperature / 0.07; the paper, and this, does not.
    """

    run: Run
    views: Views = SYMMETRIC
    temperature: float = 0.1
    projector_hidden: tuple = (2048,)
    projector_dim: int = 128
    logits_block: int = 0

    family: ClassVar[str] = "contrastive"
    paper: ClassVar[str] = "arXiv:2004.11362"
    keeps: ClassVar[tuple[str, ...]] = ()
    batch_coupled: ClassVar[bool] = True
    smallest_batch: ClassVar[int] = 2

    def __post_init__(self):
        require_positive(temperature=self.temperature)
        require_not_negative(logits_block=self.logits_block)
        self.views.require(self.run.inputs, count=2)

    @property
    def network(self) -> Chain:
        projector = MLP(
            self.projector_hidden,
            self.projector_dim,
            norm=False,
            linear_init="torch",
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
        losses = sup_con(
            z1, z2, batch.get("label"), temperature=self.temperature, block=self.logits_block
        )
        return jnp.mean(losses), Aux(metrics={}, carry=stats)

    def advance(self, params, memory, carry, *, step):
        return params, {"stats": carry}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
