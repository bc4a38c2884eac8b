"""BYOL: predict a moving-average teacher's projection of the other view; no negatives."""

import dataclasses

import jax.numpy as jnp

from ssljax.losses import byol_regression
from ssljax.models import MLP
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.views import Views
from ssljax.schema import Share, Width, Widths


@dataclasses.dataclass(frozen=True)
class BYOL(Objective):
    """Bootstrap your own latent (Grill et al., 2020).

    The loss is mean(|q1 - z2'|^2 + |q2 - z1'|^2) over unit vectors, in [0, 8]: q =
    predictor(projector(encoder(view))) online, z' = the teacher's projection, without gradient.
    The teacher's parameters are a moving average, updated after the optimizer's step, with a
    momentum that rises along a cosine to 1; its batch statistics are its own.

    Paper: https://arxiv.org/abs/2006.07733. Official code: google-deepmind/deepmind-research,
    byol/byol_experiment.py.
    """

    views: Views = Views("byol")
    momentum: Share = 0.996
    projector_hidden: Widths = (4096,)
    projector_dim: Width = 256
    predictor_hidden: Widths = (4096,)

    teacher = ("encoder", "projector")
    takes_ragged = True
    paper = "arXiv:2006.07733"
    batch_coupled = True
    smallest_batch = 3

    def check(self):
        self.views.require(count=2)

    def modules(self):
        head = {"output_bias": False, "linear_init": "haiku", "dtype": self.run.dtype}
        projector = MLP(self.projector_hidden, self.projector_dim, **head)
        predictor = MLP(self.predictor_hidden, self.projector_dim, **head)
        return {"encoder": self.run.encoder, "projector": projector, "predictor": predictor}

    def loss(self, net, teacher, batch, *, key, step):
        views = self.views.stacked(key, batch)
        x1, x2 = views[:, 0], views[:, 1]
        q1 = net.predictor(net.projector(net.encoder(x1).pooled))
        q2 = net.predictor(net.projector(net.encoder(x2).pooled))
        z1 = teacher.projector(teacher.encoder(x1).pooled)
        z2 = teacher.projector(teacher.encoder(x2).pooled)
        return Loss(jnp.mean(byol_regression(q1, z2) + byol_regression(q2, z1)))
