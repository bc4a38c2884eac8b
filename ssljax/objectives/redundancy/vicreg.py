"""VICReg: two views agree while every feature keeps its variance and tells something of its own."""

import dataclasses

from ssljax.losses import vicreg
from ssljax.models import MLP
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.views import Views
from ssljax.schema import NotNegative, Width, Widths


@dataclasses.dataclass(frozen=True)
class VICReg(Objective):
    """Variance-invariance-covariance regularization (Bardes, Ponce and LeCun, 2021).

    z = projector(encoder(view)), each view with its own batch statistics; the loss is the weighted
    sum of the distance of the two z (invariance), a hinge on the deviation of every feature
    (variance) and the squared covariances of different features.

    Paper: https://arxiv.org/abs/2105.04906. Official code: facebookresearch/vicreg,
    main_vicreg.py. As there, the distance is a mean over features (the paper's text sums).
    """

    views: Views = Views("barlow_twins")
    invariance_weight: NotNegative = 25.0
    variance_weight: NotNegative = 25.0
    covariance_weight: NotNegative = 1.0
    projector_hidden: Widths = (8192, 8192)
    projector_dim: Width = 8192

    takes_ragged = True
    paper = "arXiv:2105.04906"
    batch_coupled = True
    smallest_batch = 2

    def check(self):
        self.views.require(count=2)

    def modules(self):
        head = {"output_bias": False, "linear_init": "torch", "dtype": self.run.dtype}
        projector = MLP(self.projector_hidden, self.projector_dim, **head)
        return {"encoder": self.run.encoder, "projector": projector}

    def loss(self, net, teacher, batch, *, key, step):
        views = self.views.stacked(key, batch)
        z1, z2 = (net.projector(net.encoder(views[:, v]).pooled) for v in (0, 1))
        loss = vicreg(
            z1,
            z2,
            invariance_weight=self.invariance_weight,
            variance_weight=self.variance_weight,
            covariance_weight=self.covariance_weight,
        )
        return Loss(loss)
