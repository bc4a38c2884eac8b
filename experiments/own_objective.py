"""Alignment and uniformity (Wang & Isola, 2020), as an objective of one's own."""

import dataclasses

import jax.numpy as jnp

from ssljax.models import MLP
from ssljax.objectives import Loss, Objective
from ssljax.objectives.views import Views
from ssljax.ops.normalize import l2_normalize
from ssljax.schema import NotNegative


def align_uniform(z1, z2, *, uniformity_weight):
    """E|z1 - z2|^2 + weight * log E exp(-2 |zi - zj|^2), over unit vectors; https://arxiv.org/abs/2005.10242."""
    z1, z2 = l2_normalize(z1), l2_normalize(z2)
    align = jnp.mean(jnp.sum((z1 - z2) ** 2, axis=-1))
    apart = 1 - jnp.eye(len(z1))  # not an example with itself
    uniform = [
        jnp.log(jnp.sum(apart * jnp.exp(4 * z @ z.T - 4)) / jnp.sum(apart)) for z in (z1, z2)
    ]
    return align + uniformity_weight * sum(uniform) / 2


@dataclasses.dataclass(frozen=True)
class AlignUniform(Objective):
    views: Views = Views.crops(count=2, crop_scale=(0.3, 1.0), flip=0.5)
    uniformity_weight: NotNegative = 1.0
    batch_coupled = True  # so micro-batches would not add up

    def modules(self):
        return {"encoder": self.run.encoder, "projector": MLP(hidden=(256,), out=64)}

    def loss(self, net, teacher, batch, *, key, step):
        views = self.views.stacked(key, batch)  # [B, 2, H, W, C]
        z1, z2 = (net.projector(net.encoder(views[:, v]).pooled) for v in (0, 1))
        return Loss(align_uniform(z1, z2, uniformity_weight=self.uniformity_weight))
