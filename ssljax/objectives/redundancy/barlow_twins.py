"""Barlow Twins: the cross-correlation of two views' features becomes the identity matrix."""

import dataclasses

from ssljax.losses import barlow_twins
from ssljax.models import MLP
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.views import Views
from ssljax.schema import NotNegative, Width, Widths


@dataclasses.dataclass(frozen=True)
class BarlowTwins(Objective):
    """Self-supervised learning via redundancy reduction (Zbontar et al., 2021).

    z = projector(encoder(view)), each view with its own batch statistics; with C the correlation
    of the features of z1 with those of z2 over the batch, the loss is sum_i (C_ii - 1)^2 +
    off_diagonal_weight * sum_{i != j} C_ij^2.

    Paper: https://arxiv.org/abs/2103.03230. Official code: facebookresearch/barlowtwins, main.py,
    whose gradient is 1 / N of that of its loss on N devices; here it is the true one. See
    `ssljax.losses.barlow_twins` for what that means for its learning rates.
    """

    views: Views = Views("barlow_twins")
    off_diagonal_weight: NotNegative = 0.0051
    projector_hidden: Widths = (8192, 8192)
    projector_dim: Width = 8192

    takes_ragged = True
    paper = "arXiv:2103.03230"
    batch_coupled = True
    smallest_batch = 3

    def check(self):
        self.views.require(count=2)

    def modules(self):
        head = {"output_bias": False, "linear_init": "torch", "dtype": self.run.dtype}
        projector = MLP(self.projector_hidden, self.projector_dim, **head)
        return {"encoder": self.run.encoder, "projector": projector}

    def loss(self, net, teacher, batch, *, key, step):
        views = self.views.stacked(key, batch)
        z1, z2 = (net.projector(net.encoder(views[:, v]).pooled) for v in (0, 1))
        return Loss(barlow_twins(z1, z2, off_diagonal_weight=self.off_diagonal_weight))
