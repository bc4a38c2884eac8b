"""SimSiam: predict the other view's projection; no negatives, no teacher, a stopped gradient."""

import dataclasses

import jax.numpy as jnp

from ssljax.losses import negative_cosine
from ssljax.models import MLP
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.views import Views
from ssljax.ops.normalize import l2_normalize
from ssljax.schema import Width, Widths


@dataclasses.dataclass(frozen=True)
class SimSiam(Objective):
    """Exploring simple Siamese representation learning (Chen and He, 2020).

    z = projector(encoder(view)) and p = predictor(z); the loss is -[cos(p1, sg z2) + cos(p2, sg
    z1)] / 2, in [-1, 1], sg being the stopped gradient. Each view has its own batch statistics. The
    metric "std" tells a collapse: it is that of the components of unit vectors z, 0 if all are
    equal, about 1 / sqrt(D) if they are spread.

    The paper does not decay the learning rate of the predictor: that is the parameter group
    {"match": "^predictor/", "learning_rate_schedule": "constant"}.

    Paper: https://arxiv.org/abs/2011.10566. Official code: facebookresearch/simsiam,
    simsiam/builder.py.
    """

    views: Views = Views("moco_v2")
    projector_hidden: Widths = (2048, 2048)
    projector_dim: Width = 2048
    predictor_hidden: Widths = (512,)

    takes_ragged = True
    paper = "arXiv:2011.10566"
    batch_coupled = True
    smallest_batch = 3

    def check(self):
        self.views.require(count=2)

    def modules(self):
        head = {"linear_init": "torch", "dtype": self.run.dtype}
        last = {"output_norm": "plain", "output_bias": False}
        projector = MLP(self.projector_hidden, self.projector_dim, **last, **head)
        predictor = MLP(self.predictor_hidden, self.projector_dim, **head)
        return {"encoder": self.run.encoder, "projector": projector, "predictor": predictor}

    def loss(self, net, teacher, batch, *, key, step):
        views, z, p = self.views.stacked(key, batch), [], []
        for view in (0, 1):
            z.append(net.projector(net.encoder(views[:, view]).pooled))
            p.append(net.predictor(z[view]))
        loss = jnp.mean(negative_cosine(p[0], z[1]) + negative_cosine(p[1], z[0])) / 2
        return Loss(loss, {"std": jnp.mean(jnp.std(l2_normalize(z[0]), axis=0))})
