"""VICReg between two fields: their features agree, while each keeps variance and tells its own."""

import dataclasses

from ssljax.losses import vicreg
from ssljax.models import MLP
from ssljax.objectives.paired.pair import Paired
from ssljax.schema import NotNegative, Width, Widths


@dataclasses.dataclass(frozen=True)
class PairedVICReg(Paired):
    """VICReg of an image and its text (Bardes, Ponce and LeCun, 2021).

    Two encoders with an expander each, nothing of which is shared; the loss is that of `vicreg`:
    the weighted sum of the distance of the two z, a hinge on the deviation of every feature of each
    field, and the squared covariances of different features of each. Other examples of the batch
    are not compared with, so that it needs no large batch.

    Paper: https://arxiv.org/abs/2105.04906, which trains so on images and captions of MS-COCO.
    Official code: facebookresearch/vicreg, main_vicreg.py, has the loss but not that experiment;
    here the expanders have the widths of the one for images.
    """

    invariance_weight: NotNegative = 25.0
    variance_weight: NotNegative = 25.0
    covariance_weight: NotNegative = 1.0
    projector_hidden: Widths = (8192, 8192)
    projector_dim: Width = 8192

    paper = "arXiv:2105.04906"

    def head(self, dtype):
        head = {"output_bias": False, "linear_init": "torch", "dtype": dtype}
        return MLP(self.projector_hidden, self.projector_dim, **head)

    def loss(self, net, teacher, batch, *, key, step):
        z1, z2 = self.project(net, key, batch).values()
        loss = vicreg(
            z1,
            z2,
            invariance_weight=self.invariance_weight,
            variance_weight=self.variance_weight,
            covariance_weight=self.covariance_weight,
            present=self.whole(batch),
        )
        return self.over_pairs(loss, batch)
