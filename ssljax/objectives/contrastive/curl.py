"""CURL: two crops of a pixel observation find each other in the batch, by a bilinear form."""

import dataclasses

import jax
import jax.numpy as jnp

from ssljax.losses import batch_info_nce
from ssljax.models import SquareForm
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.views import Views
from ssljax.schema import Share, Size


@dataclasses.dataclass(frozen=True)
class CURL(Objective):
    """CURL: contrastive unsupervised representations for reinforcement learning (Laskin, 2020).

    With a and k the features of two random crops of the same observation, k by a teacher, and a
    matrix W,

        loss = mean_b (-a_b W k_b + log sum_c exp(a_b W k_c)),

    without normalisation or temperature; equal products give log(B). No gradient reaches k. The
    teacher follows the encoder as a moving average after each step. There is no projector: features
    are those of the encoder, `pixel_convolutions` in the paper, which end in a LayerNorm.

    The default crops are 84 of 100 pixels at a side, anywhere and not resized but by less than a
    pixel. This is the representation alone: no agent learns along.

    Attributes:
      momentum: weight of the teacher's old parameters, constant.
      logits_block: rows and columns of logits that the loss holds at a time; 0: all.

    Paper: https://arxiv.org/abs/2004.04136. Official code: MishaLaskin/curl, curl_sac.py.
    """

    views: Views = Views.crops(count=2, crop_scale=(0.7056, 0.7056), crop_ratio=(1.0, 1.0))
    momentum: Share = 0.95
    logits_block: Size = 0

    teacher = ("encoder",)
    paper = "arXiv:2004.04136"
    batch_coupled = True
    smallest_batch = 2

    def check(self):
        self.views.require(count=2)

    def modules(self):
        return {"encoder": self.run.encoder, "form": SquareForm()}

    def decay(self, step):
        return self.momentum

    def loss(self, net, teacher, batch, *, key, step):
        views = self.views.stacked(key, batch)
        anchor = net.form(net.encoder(views[:, 0]).pooled)
        keys = jax.lax.stop_gradient(teacher.encoder(views[:, 1]).pooled)
        losses = batch_info_nce(
            anchor, keys, temperature=1.0, block=self.logits_block, normalize=False
        )
        return Loss(jnp.mean(losses))
