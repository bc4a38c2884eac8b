"""DCL: SimCLR without the positive in the denominator; small batches do well."""

import dataclasses

import jax.numpy as jnp

from ssljax.losses import dcl, dclw
from ssljax.models import MLP
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.multi_crop import apply_multi_crop
from ssljax.objectives.views import Views
from ssljax.schema import NotNegative, Size, Temperature, Width, Widths


@dataclasses.dataclass(frozen=True)
class DCL(Objective):
    """Decoupled contrastive learning (Yeh et al., 2021).

    z_i = projector(encoder(view_i)); the loss is NT-Xent over the 2B views of a batch, but without
    the positive in its denominator. With `sigma` above 0 (the paper's is 0.5), positives are
    weighted: that is DCLW. With `logits_block` above 0 the loss holds so many rows and columns of
    logits at a time.

    Paper: https://arxiv.org/abs/2110.06848. Official code: none is known; the loss is checked
    against lightly's. The paper sums over views, this takes the mean over the 2B rows.
    """

    views: Views = Views("simclr")
    temperature: Temperature = 0.1
    sigma: NotNegative = 0.0
    projector_hidden: Widths = (2048,)
    projector_dim: Width = 128
    logits_block: Size = 0

    takes_ragged = True
    paper = "arXiv:2110.06848"
    batch_coupled = True
    smallest_batch = 2

    def check(self):
        self.views.require(count=2)

    def modules(self):
        head = {"output_norm": "scale", "output_bias": False, "dtype": self.run.dtype}
        projector = MLP(self.projector_hidden, self.projector_dim, **head)
        return {"encoder": self.run.encoder, "projector": projector}

    def loss(self, net, teacher, batch, *, key, step):
        z1, z2 = apply_multi_crop(net, self.views.by_size(key, batch), "projector")
        options = {"temperature": self.temperature, "block": self.logits_block}
        losses = dclw(z1, z2, sigma=self.sigma, **options) if self.sigma else dcl(z1, z2, **options)
        return Loss(jnp.mean(losses))
