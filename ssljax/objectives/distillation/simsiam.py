"""SimSiam: predict the other view's projection; no negatives, no teacher, a stopped gradient."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.losses import negative_cosine
from ssljax.models import MLP, Chain
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.siamese import MODERATE
from ssljax.objectives.views import Views, embed, example
from ssljax.ops.normalize import l2_normalize

TARGET = ("encoder", "projector")  # the components that make the target


@dataclasses.dataclass(frozen=True)
class SimSiam:
    """Exploring simple Siamese representation learning (Chen and He, 2020).

    z = projector(encoder(view)) and p = predictor(z); the loss is -[cos(p1, sg z2) + cos(p2, sg
    z1)] / 2, in [-1, 1], sg being the stopped gradient. Each view has its own batch statistics. The
    metric "std" tells a collapse: it is that of the components of unit vectors z, 0 if all are
    equal, about 1 / sqrt(D) if they are spread.

    The paper does not decay the learning rate of the predictor: that is the optimizer rule
    {"match": "^predictor/", "learning_rate_schedule": "constant"}.

    Paper: https://arxiv.org/abs/2011.10566. Official code: facebookresearch/simsiam,
    simsiam/builder.py.
    """

    run: Run
    views: Views = MODERATE
    projector_hidden: tuple = (2048, 2048)
    projector_dim: int = 2048
    predictor_hidden: tuple = (512,)

    family: ClassVar[str] = "self-distillation"
    paper: ClassVar[str] = "arXiv:2011.10566"
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
            output_norm="plain",
            output_bias=False,
            linear_init="torch",
            dtype=self.run.dtype,
        )
        predictor = MLP(
            self.predictor_hidden, self.projector_dim, linear_init="torch", dtype=self.run.dtype
        )
        return Chain({"encoder": self.run.encoder, "projector": projector, "predictor": predictor})

    def init_params(self, key, batch):
        return self.network.init(key, example(self.run.inputs))[0]

    def init_memory(self, key, params, batch):
        return {"stats": self.network.init(key, example(self.run.inputs))[1]}

    def loss(self, params, memory, batch, *, key, step):
        views_key, *model_keys = jax.random.split(key, 3)
        views = self.views.stacked(self.run.inputs, views_key, batch)
        stats, z, p = memory["stats"], [], []
        for view, model_key in enumerate(model_keys):
            projection, stats = self.network.apply(
                params, stats, views[:, view], train=True, through=TARGET, key=model_key
            )
            prediction, stats = self.network.apply(
                params, stats, projection, train=True, through=("predictor",)
            )
            z.append(projection)
            p.append(prediction)
        loss = jnp.mean(negative_cosine(p[0], z[1]) + negative_cosine(p[1], z[0])) / 2
        metrics = {"std": jnp.mean(jnp.std(l2_normalize(z[0]), axis=0))}
        return loss, Aux(metrics=metrics, carry=stats)

    def advance(self, params, memory, carry, *, step):
        return params, {"stats": carry}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
