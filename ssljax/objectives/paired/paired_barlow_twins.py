"""Barlow Twins between two fields: the cross-correlation of their features becomes the identity."""

import dataclasses

from ssljax.losses import barlow_twins
from ssljax.models import MLP
from ssljax.objectives.paired.pair import Paired
from ssljax.schema import NotNegative, Width, Widths


@dataclasses.dataclass(frozen=True)
class PairedBarlowTwins(Paired):
    """Barlow Twins of an image and its text (Zbontar et al., 2021; compared in VICReg's paper).

    Two encoders with a projector each, nothing of which is shared; the loss is that of
    `barlow_twins`: with C the correlation of the features of one field with those of the other over
    the batch, sum_i (C_ii - 1)^2 + off_diagonal_weight * sum_{i != j} C_ij^2.

    Paper: https://arxiv.org/abs/2103.03230; of two modalities https://arxiv.org/abs/2105.04906.
    Official code: facebookresearch/barlowtwins, main.py, of two views of an image.
    """

    off_diagonal_weight: NotNegative = 0.0051
    projector_hidden: Widths = (8192, 8192)
    projector_dim: Width = 8192

    paper = "arXiv:2103.03230"
    smallest_batch = 3

    def head(self, dtype):
        head = {"output_bias": False, "linear_init": "torch", "dtype": dtype}
        return MLP(self.projector_hidden, self.projector_dim, **head)

    def loss(self, net, teacher, batch, *, key, step):
        z1, z2 = self.project(net, key, batch).values()
        weight, whole = self.off_diagonal_weight, self.whole(batch)
        loss = barlow_twins(z1, z2, off_diagonal_weight=weight, present=whole)
        return self.over_pairs(loss, batch)
