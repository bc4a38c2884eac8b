"""SupCon: views of examples of the same class agree; without labels, those of an example."""

import dataclasses

import jax.numpy as jnp

from ssljax.losses import sup_con
from ssljax.models import MLP
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.multi_crop import apply_multi_crop
from ssljax.objectives.views import Views
from ssljax.schema import Size, Temperature, Width, Widths


@dataclasses.dataclass(frozen=True)
class SupCon(Objective):
    """Supervised contrastive learning (Khosla et al., 2020).

    z_i = projector(encoder(view_i)); the loss is L_out over the 2B views of a batch: the mean over
    all views of the same class, in place of the other view, in NT-Xent. It is shown labels if
    config.data.labels is true; an example whose label is below 0 is a class of its own, and so are
    all examples where there are no labels: the loss then is NT-Xent. With `logits_block` above 0 it
    holds so many rows and columns of logits at a time.

    Paper: https://arxiv.org/abs/2004.11362. Official code: HobbitLong/SupContrast, losses.py,
    which multiplies the loss by temperature / 0.07; the paper, and this, does not.
    """

    views: Views = Views("simclr")
    temperature: Temperature = 0.1
    projector_hidden: Widths = (2048,)
    projector_dim: Width = 128
    logits_block: Size = 0

    takes_ragged = True
    paper = "arXiv:2004.11362"
    batch_coupled = True
    smallest_batch = 2

    def check(self):
        self.views.require(count=2)

    def modules(self):
        head = {"norm": False, "linear_init": "torch", "dtype": self.run.dtype}
        projector = MLP(self.projector_hidden, self.projector_dim, **head)
        return {"encoder": self.run.encoder, "projector": projector}

    def loss(self, net, teacher, batch, *, key, step):
        z1, z2 = apply_multi_crop(net, self.views.by_size(key, batch), "projector")
        options = {"temperature": self.temperature, "block": self.logits_block}
        return Loss(jnp.mean(sup_con(z1, z2, batch.get("label"), **options)))
