"""TiCo: agree with a moving-average teacher, away from where embeddings have lately been."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.errors import UserError, unknown
from ssljax.losses import tico
from ssljax.models import MLP, Chain
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.siamese import ASYMMETRIC
from ssljax.objectives.views import Views, embed, example
from ssljax.ops.ema import ema
from ssljax.ops.schedule import SCHEDULES


@dataclasses.dataclass(frozen=True)
class TiCo:
    """Transformation invariance and covariance contrast (Zhu et al., 2022).

    z1 = network(view 1), z2 = teacher(view 2), unit vectors; C = covariance_momentum * C + (1 -
    covariance_momentum) * z1' z1 / B. The loss is mean(-z1 . z2 + weight * z1' C z1). C is a memory
    of all earlier embeddings, in D x D numbers.

    The teacher's parameters are a moving average, updated after the optimizer's step, with a
    momentum that rises from `momentum` to 1 along `momentum_schedule`: "cosine" (BYOL's), "sine" or
    "linear", those of `ssljax.ops.schedule`. Its batch statistics are its own.

    Paper: https://arxiv.org/abs/2206.10698. Official code: none; the paper's algorithm 1, and
    sayannag/TiCo-pytorch, TiCo/main.py, whose momentum rises by a "sine", once an epoch.
    """

    run: Run
    views: Views = ASYMMETRIC
    weight: float = 8.0
    covariance_momentum: float = 0.9
    momentum: float = 0.99
    momentum_schedule: str = "cosine"
    projector_hidden: tuple = (4096,)
    projector_dim: int = 256

    family: ClassVar[str] = "redundancy reduction"
    paper: ClassVar[str] = "arXiv:2206.10698"
    keeps: ClassVar[tuple[str, ...]] = ("covariance", "teacher")
    batch_coupled: ClassVar[bool] = True
    smallest_batch: ClassVar[int] = 2

    def __post_init__(self):
        self.views.require(self.run.inputs, count=2)
        for name in ("covariance_momentum", "momentum"):
            if not 0 <= getattr(self, name) <= 1:
                value = getattr(self, name)
                raise UserError(f"objective.{name}={value}; it must be between 0 and 1")
        if self.momentum_schedule not in SCHEDULES:
            raise unknown("objective.momentum_schedule", self.momentum_schedule, SCHEDULES)

    @property
    def network(self) -> Chain:
        projector = MLP(
            self.projector_hidden, self.projector_dim, linear_init="torch", dtype=self.run.dtype
        )
        return Chain({"encoder": self.run.encoder, "projector": projector})

    def init_params(self, key, batch):
        return self.network.init(key, example(self.run.inputs))[0]

    def init_memory(self, key, params, batch):
        stats = self.network.init(key, example(self.run.inputs))[1]
        return {
            "stats": stats,
            "teacher": params,
            "teacher_stats": stats,
            "covariance": jnp.zeros((self.projector_dim, self.projector_dim)),
        }

    def loss(self, params, memory, batch, *, key, step):
        views_key, model_key = jax.random.split(key)
        views = self.views.stacked(self.run.inputs, views_key, batch)
        z1, stats = self.network.apply(
            params, memory["stats"], views[:, 0], train=True, key=model_key
        )
        z2, teacher_stats = self.network.apply(
            memory["teacher"], memory["teacher_stats"], views[:, 1], train=True
        )
        loss, covariance = tico(
            z1,
            z2,
            memory["covariance"],
            momentum=self.covariance_momentum,
            weight=self.weight,
        )
        carry = {"stats": stats, "teacher_stats": teacher_stats, "covariance": covariance}
        return jnp.mean(loss), Aux(metrics={}, carry=carry)

    def advance(self, params, memory, carry, *, step):
        rise = SCHEDULES[self.momentum_schedule]
        momentum = rise(step, start=self.momentum, end=1.0, steps=self.run.steps)
        return params, {**carry, "teacher": ema(memory["teacher"], params, momentum)}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
