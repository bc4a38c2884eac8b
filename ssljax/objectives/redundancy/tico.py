"""TiCo: agree with a moving-average teacher, away from where embeddings have lately been."""

import dataclasses
from typing import Literal

import jax.numpy as jnp

from ssljax.losses import tico
from ssljax.models import MLP
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.views import Views
from ssljax.ops.schedule import SCHEDULES
from ssljax.schema import NotNegative, Share, Width, Widths


@dataclasses.dataclass(frozen=True)
class TiCo(Objective):
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

    views: Views = Views("byol")
    weight: NotNegative = 8.0
    covariance_momentum: Share = 0.9
    momentum: Share = 0.99
    momentum_schedule: Literal["cosine", "linear", "sine"] = "cosine"
    projector_hidden: Widths = (4096,)
    projector_dim: Width = 256

    teacher = ("encoder", "projector")
    takes_ragged = True
    paper = "arXiv:2206.10698"
    batch_coupled = True
    smallest_batch = 2

    def check(self):
        self.views.require(count=2)

    def modules(self):
        head = {"linear_init": "torch", "dtype": self.run.dtype}
        projector = MLP(self.projector_hidden, self.projector_dim, **head)
        return {"encoder": self.run.encoder, "projector": projector}

    def memory(self, key):
        return {"covariance": jnp.zeros((self.projector_dim, self.projector_dim))}

    def loss(self, net, teacher, batch, *, key, step):
        views = self.views.stacked(key, batch)
        loss, covariance = tico(
            net.projector(net.encoder(views[:, 0]).pooled),
            teacher.projector(teacher.encoder(views[:, 1]).pooled),
            net.state["covariance"],
            momentum=self.covariance_momentum,
            weight=self.weight,
        )
        return Loss(jnp.mean(loss), carry={"covariance": covariance})

    def decay(self, step):
        rise = SCHEDULES[self.momentum_schedule]
        return rise(step, start=self.momentum, end=1.0, steps=self.run.steps)
