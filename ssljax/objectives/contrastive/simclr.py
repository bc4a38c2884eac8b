"""SimCLR: two views of an example agree, against all other examples of the batch."""

import dataclasses

import jax.numpy as jnp

from ssljax.losses import nt_xent
from ssljax.models import MLP
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.multi_crop import apply_multi_crop
from ssljax.objectives.views import Views
from ssljax.schema import Size, Temperature, Width, Widths


@dataclasses.dataclass(frozen=True)
class SimCLR(Objective):
    """A simple framework for contrastive learning of visual representations (Chen et al., 2020).

    z_i = projector(encoder(view_i)); the loss is NT-Xent over the 2B views of a batch. With
    `logits_block` above 0 it holds so many rows and columns of logits at a time.

    Paper: https://arxiv.org/abs/2002.05709. Official code: google-research/simclr, objective.py,
    which adds the losses of the two views where the paper, and this, takes the mean over the 2B
    rows (half of the code's number).
    """

    views: Views = Views("simclr")
    temperature: Temperature = 0.1
    projector_hidden: Widths = (2048,)
    projector_dim: Width = 128
    logits_block: Size = 0

    takes_ragged = True
    paper = "arXiv:2002.05709"
    batch_coupled = True
    smallest_batch = 2

    def check(self):
        self.views.require(count=2)

    def modules(self):
        head = {"output_norm": "scale", "output_bias": False, "linear_init": "small_normal"}
        projector = MLP(self.projector_hidden, self.projector_dim, **head, dtype=self.run.dtype)
        return {"encoder": self.run.encoder, "projector": projector}

    def loss(self, net, teacher, batch, *, key, step):
        z1, z2 = apply_multi_crop(net, self.views.by_size(key, batch), "projector")
        losses = nt_xent(z1, z2, temperature=self.temperature, block=self.logits_block)
        return Loss(jnp.mean(losses))
