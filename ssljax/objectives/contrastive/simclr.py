"""SimCLR: two views of an image agree, against all other images of the batch."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.losses import nt_xent
from ssljax.models import MLP, Chain
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.checks import require_not_negative, require_positive
from ssljax.objectives.siamese import SYMMETRIC, all_views
from ssljax.objectives.views import Views, embed, example


@dataclasses.dataclass(frozen=True)
class SimCLR:
    """A simple framework for contrastive learning of visual representations (Chen et al., 2020).

    z_i = projector(encoder(view_i)); the loss is NT-Xent over the 2B views of a batch. With
    `logits_block` above 0 it holds so many rows and columns of logits at a time.

    Paper: https://arxiv.org/abs/2002.05709. Official code: google-research/simclr, objective.py,
      which adds the losses
    of the two views where the paper, and this, takes the mean over the 2B rows (half of the code's
    number).
    """

    run: Run
    views: Views = SYMMETRIC
    temperature: float = 0.1
    projector_hidden: tuple = (2048,)
    projector_dim: int = 128
    logits_block: int = 0

    family: ClassVar[str] = "contrastive"
    paper: ClassVar[str] = "arXiv:2002.05709"
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
            output_norm="scale",
            output_bias=False,
            linear_init="small_normal",
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
        losses = nt_xent(z1, z2, temperature=self.temperature, block=self.logits_block)
        return jnp.mean(losses), Aux(metrics={}, carry=stats)

    def advance(self, params, memory, carry, *, step):
        return params, {"stats": carry}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
