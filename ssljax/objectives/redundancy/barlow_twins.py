"""Barlow Twins: the cross-correlation of two views' features becomes the identity matrix."""

import dataclasses
from typing import ClassVar

import jax

from ssljax.losses import barlow_twins
from ssljax.models import MLP, Chain
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.siamese import ASYMMETRIC, each_view
from ssljax.objectives.views import Views, embed, example


@dataclasses.dataclass(frozen=True)
class BarlowTwins:
    """Self-supervised learning via redundancy reduction (Zbontar et al., 2021).

    z = projector(encoder(view)), each view with its own batch statistics; with C the correlation
    of the features of z1 with those of z2 over the batch, the loss is sum_i (C_ii - 1)^2 +
    off_diagonal_weight * sum_{i != j} C_ij^2.

    Paper: https://arxiv.org/abs/2103.03230. Official code: facebookresearch/barlowtwins, main.py,
    whose gradient is 1 / N of that of its loss on N devices; here it is the true one. See
    `ssljax.losses.barlow_twins` for what that means for its learning rates.
    """

    run: Run
    views: Views = ASYMMETRIC
    off_diagonal_weight: float = 0.0051
    projector_hidden: tuple = (8192, 8192)
    projector_dim: int = 8192

    family: ClassVar[str] = "redundancy reduction"
    paper: ClassVar[str] = "arXiv:2103.03230"
    keeps: ClassVar[tuple[str, ...]] = ()
    batch_coupled: ClassVar[bool] = True
    smallest_batch: ClassVar[int] = 3

    def __post_init__(self):
        self.views.require(self.run.inputs, count=2)

    @property
    def network(self) -> Chain:
        projector = MLP(
            self.projector_hidden,
            self.projector_dim,
            output_bias=False,
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
        views = self.views.stacked(self.run.inputs, views_key, batch)
        (z1, z2), stats = each_view(self.network, params, memory["stats"], views, model_key)
        loss = barlow_twins(z1, z2, off_diagonal_weight=self.off_diagonal_weight)
        return loss, Aux(metrics={}, carry=stats)

    def advance(self, params, memory, carry, *, step):
        return params, {"stats": carry}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
