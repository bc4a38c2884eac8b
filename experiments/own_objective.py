"""Alignment and uniformity (Wang & Isola, 2020), as an objective of one's own."""

import dataclasses
from typing import ClassVar

import jax.numpy as jnp

from ssljax.models import MLP, Chain
from ssljax.objectives import Aux, Run
from ssljax.objectives.views import Views, embed, example
from ssljax.ops.normalize import l2_normalize


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
class AlignUniform:
    run: Run
    views: Views = Views.crops(count=2, crop_scale=(0.3, 1.0), flip=0.5)
    uniformity_weight: float = 1.0
    batch_coupled: ClassVar[bool] = True  # so micro-batches would not add up

    @property
    def network(self):
        return Chain({"encoder": self.run.encoder, "projector": MLP(hidden=(256,), out=64)})

    def init_params(self, key, batch):
        return self.network.init(key, example(self.run.inputs))[0]

    def init_memory(self, key, params, batch):  # all that is kept from step to step
        return self.network.init(key, example(self.run.inputs))[1]  # here: batch statistics

    def loss(self, params, memory, batch, *, key, step):
        views = self.views.stacked(self.run.inputs, key, batch)  # [B, 2, H, W, C]
        z1, stats = self.network.apply(params, memory, views[:, 0], train=True)
        z2, stats = self.network.apply(params, stats, views[:, 1], train=True)
        loss = align_uniform(z1, z2, uniformity_weight=self.uniformity_weight)
        return loss, Aux(metrics={}, carry=stats)

    def advance(self, params, memory, carry, *, step):  # after the optimizer's update
        return params, carry

    def embed(self, params, memory, batch):  # what evaluation sees
        return embed(self.run, params["encoder"], memory["encoder"], batch)
