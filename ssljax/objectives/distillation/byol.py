"""BYOL: predict a moving-average teacher's projection of the other view; no negatives."""

import dataclasses
import itertools

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

    Of V views more than two, such as those of as many clips of a video, each predicts every other:
    the loss is 2 / (V (V - 1)) times the sum of |q_i - z_j'|^2 over i != j, in [0, 8] too. That is
    rho-BYOL (Feichtenhofer et al. 2021, https://arxiv.org/abs/2104.14558,
    facebookresearch/SlowFast, slowfast/models/contrastive.py), rho being V.

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
        self.views.require(count=2, or_more=True)

    def modules(self):
        head = {"output_bias": False, "linear_init": "haiku", "dtype": self.run.dtype}
        projector = MLP(self.projector_hidden, self.projector_dim, **head)
        predictor = MLP(self.predictor_hidden, self.projector_dim, **head)
        return {"encoder": self.run.encoder, "projector": projector, "predictor": predictor}

    def loss(self, net, teacher, batch, *, key, step):
        views = self.views.stacked(key, batch)
        views = [views[:, i] for i in range(self.views.count)]
        q = [net.predictor(net.projector(net.encoder(x).pooled)) for x in views]
        z = [teacher.projector(teacher.encoder(x).pooled) for x in views]
        pairs = list(itertools.permutations(range(len(views)), 2))
        total = sum(byol_regression(q[i], z[j]) for i, j in pairs)
        return Loss(jnp.mean(total) * (2 / len(pairs)))
