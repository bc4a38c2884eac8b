"""SimCLR: two views of an example agree, against all other examples of the batch."""

import dataclasses
from typing import Literal

import jax.numpy as jnp

from ssljax.losses import batch_info_nce, nt_xent
from ssljax.models import MLP, BilinearForm
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.multi_crop import apply_multi_crop
from ssljax.objectives.views import Views
from ssljax.schema import Size, Temperature, Width, Widths


@dataclasses.dataclass(frozen=True)
class SimCLR(Objective):
    """A simple framework for contrastive learning of visual representations (Chen et al., 2020).

    z_i = projector(encoder(view_i)); the loss is NT-Xent over the 2B views of a batch. With
    `logits_block` above 0 it holds so many rows and columns of logits at a time.

    With `similarity` "bilinear", COLA's (Saeed et al. 2020, https://arxiv.org/abs/2010.10915,
    google-research/google-research, cola/network.py), the first views of a batch find the second
    ones by x W y, of x = tanh(LayerNorm(z)); there is no other direction. It has no temperature: 1.

    Paper: https://arxiv.org/abs/2002.05709. Official code: google-research/simclr, objective.py,
    which adds the losses of the two views where the paper, and this, takes the mean over the 2B
    rows (half of the code's number).
    """

    views: Views = Views("simclr")
    temperature: Temperature = 0.1
    projector_hidden: Widths = (2048,)
    projector_dim: Width = 128
    logits_block: Size = 0
    similarity: Literal["cosine", "bilinear"] = "cosine"

    takes_ragged = True
    paper = "arXiv:2002.05709"
    batch_coupled = True
    smallest_batch = 2

    def check(self):
        self.views.require(count=2)

    def modules(self):
        head = {"output_norm": "scale", "output_bias": False, "linear_init": "small_normal"}
        projector = MLP(self.projector_hidden, self.projector_dim, **head, dtype=self.run.dtype)
        modules = {"encoder": self.run.encoder, "projector": projector}
        return modules | ({"form": BilinearForm()} if self.similarity == "bilinear" else {})

    def loss(self, net, teacher, batch, *, key, step):
        z1, z2 = apply_multi_crop(net, self.views.by_size(key, batch), "projector")
        options = {"temperature": self.temperature, "block": self.logits_block}
        if self.similarity == "cosine":
            return Loss(jnp.mean(nt_xent(z1, z2, **options)))
        (anchors, _), (_, positives) = net.form(z1), net.form(z2)
        return Loss(jnp.mean(batch_info_nce(anchors, positives, normalize=False, **options)))
