"""LeJEPA: views agree with the mean of the large ones, and their embeddings become Gaussian."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import sigreg
from ssljax.models import MLP, Chain
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.siamese import all_views
from ssljax.objectives.views import Views, embed, example

_COLOUR = dict(
    flip=0.5,
    brightness=0.4,
    contrast=0.4,
    saturation=0.2,
    hue=0.1,
    jitter_prob=0.8,
    grey_prob=0.2,
    blur_prob=0.5,
    solarize_prob=0.2,
)


@dataclasses.dataclass(frozen=True)
class LeJEPA:
    """Provable and scalable self-supervised learning without the heuristics (Balestriero and LeCun,
    2025).

    z_v = projector(encoder(view v)); c = the mean of z over the views of the largest size. The loss
    is (1 - weight) * mean over v of (z_v - c)^2 + weight * mean over v of SIGReg(z_v), which tests
    the batch of embeddings against N(0, I) along random directions. These are new in every step and
    the same for all views. Nothing is stopped, averaged over time or scaled to unit length.

    Paper: https://arxiv.org/abs/2511.08544, algorithm 2, which for a ResNet has no small views.
    Official code: rbalestr-lab/lejepa, MINIMAL.md, whose views are of one size, so that c is the
    mean of all.
    """

    run: Run
    views: Views = Views(
        {
            "crop": {"count": 2, "size": 224, "crop_scale": (0.3, 1.0), **_COLOUR},
            "small_crop": {"count": 6, "size": 98, "crop_scale": (0.05, 0.3), **_COLOUR},
        }
    )
    weight: float = 0.05
    directions: int = 1024
    projector_hidden: tuple = (2048, 2048)
    projector_dim: int = 128

    family: ClassVar[str] = "redundancy reduction"
    paper: ClassVar[str] = "arXiv:2511.08544"
    keeps: ClassVar[tuple[str, ...]] = ()
    batch_coupled: ClassVar[bool] = True
    smallest_batch: ClassVar[int] = 2

    def __post_init__(self):
        views = sum(view.count for view in self.views.augmentations(self.run.inputs).values())
        if views < 2:
            raise UserError(f"{self.views.where} makes {views} view(s); lejepa needs 2 or more")
        if not 0 <= self.weight <= 1:
            raise UserError(f"objective.weight={self.weight}; it must be between 0 and 1")
        if self.directions < 1:
            raise UserError(f"objective.directions={self.directions}; it must be at least 1")

    @property
    def network(self) -> Chain:
        projector = MLP(
            self.projector_hidden, self.projector_dim, linear_init="torch", dtype=self.run.dtype
        )
        return Chain({"encoder": self.run.encoder, "projector": projector})

    def init_params(self, key, batch):
        return self.network.init(key, example(self.run.inputs))[0]

    def init_memory(self, key, params, batch):
        return {"stats": self.network.init(key, example(self.run.inputs))[1]}

    def loss(self, params, memory, batch, *, key, step):
        views_key, model_key, directions_key = jax.random.split(key, 3)
        groups = self.views(self.run.inputs, views_key, batch)
        z, stats = all_views(self.network, params, memory["stats"], groups, model_key)
        large = next(iter(groups.values())).shape[1]
        invariance = jnp.mean(jnp.square(z - jnp.mean(z[:large], axis=0)))
        directions = jax.random.normal(directions_key, (self.directions, self.projector_dim))
        gaussian = jnp.mean(jax.vmap(sigreg, in_axes=(0, None))(z, directions))
        loss = (1 - self.weight) * invariance + self.weight * gaussian
        metrics = {"invariance": invariance, "sigreg": gaussian}
        return loss, Aux(metrics=metrics, carry=stats)

    def advance(self, params, memory, carry, *, step):
        return params, {"stats": carry}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
