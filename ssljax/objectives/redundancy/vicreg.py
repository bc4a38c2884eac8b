"""VICReg: two views agree while every feature keeps its variance and tells something of its own."""

import dataclasses
from typing import ClassVar

import jax

from ssljax.losses import vicreg
from ssljax.models import MLP, Chain
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.siamese import ASYMMETRIC, each_view
from ssljax.objectives.views import Views, embed, example


@dataclasses.dataclass(frozen=True)
class VICReg:
    """Variance-invariance-covariance regularization (Bardes, Ponce and LeCun, 2021).

    z = projector(encoder(view)), each view with its own batch statistics; the loss is the weighted
    sum of the distance of the two z (invariance), a hinge on the deviation of every feature
    (variance) and the squared covariances of different features.

    Paper: https://arxiv.org/abs/2105.04906. Official code: facebookresearch/vicreg,
    main_vicreg.py. As there, the distance is a mean over features (the paper's text sums).
    """

    run: Run
    views: Views = ASYMMETRIC
    invariance_weight: float = 25.0
    variance_weight: float = 25.0
    covariance_weight: float = 1.0
    projector_hidden: tuple = (8192, 8192)
    projector_dim: int = 8192

    family: ClassVar[str] = "redundancy reduction"
    paper: ClassVar[str] = "arXiv:2105.04906"
    keeps: ClassVar[tuple[str, ...]] = ()
    batch_coupled: ClassVar[bool] = True
    smallest_batch: ClassVar[int] = 2

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
        loss = vicreg(
            z1,
            z2,
            invariance_weight=self.invariance_weight,
            variance_weight=self.variance_weight,
            covariance_weight=self.covariance_weight,
        )
        return loss, Aux(metrics={}, carry=stats)

    def advance(self, params, memory, carry, *, step):
        return params, {"stats": carry}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
