"""LeJEPA: views agree with the mean of the large ones, and their embeddings become Gaussian."""

import dataclasses

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import sigreg
from ssljax.models import MLP
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.multi_crop import apply_multi_crop
from ssljax.objectives.presets import BYOL
from ssljax.objectives.views import Views
from ssljax.schema import Count, Share, Width, Widths

_COLOUR = {**BYOL, "blur_prob": 0.5, "solarize_prob": 0.2}


@dataclasses.dataclass(frozen=True)
class LeJEPA(Objective):
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

    views: Views = Views(
        {
            "crop": {"count": 2, "size": 224, **_COLOUR, "crop_scale": (0.3, 1.0)},
            "small_crop": {"count": 6, "size": 98, **_COLOUR, "crop_scale": (0.05, 0.3)},
        }
    )
    weight: Share = 0.05
    directions: Count = 1024
    projector_hidden: Widths = (2048, 2048)
    projector_dim: Width = 128

    takes_ragged = True
    paper = "arXiv:2511.08544"
    batch_coupled = True
    smallest_batch = 2

    def check(self):
        if (count := self.views.count) < 2:
            raise UserError(f"{self.views.where} makes {count} view(s); lejepa needs 2 or more")

    def modules(self):
        head = {"linear_init": "torch", "dtype": self.run.dtype}
        projector = MLP(self.projector_hidden, self.projector_dim, **head)
        return {"encoder": self.run.encoder, "projector": projector}

    def loss(self, net, teacher, batch, *, key, step):
        groups = self.views.by_size(key, batch)
        z = apply_multi_crop(net, groups, "projector")
        large = groups[0].shape[1]
        invariance = jnp.mean(jnp.square(z - jnp.mean(z[:large], axis=0)))
        directions = (self.directions, self.projector_dim)
        directions = jax.random.normal(jax.random.split(key, 3)[2], directions)
        gaussian = jnp.mean(jax.vmap(sigreg, in_axes=(0, None))(z, directions))
        loss = (1 - self.weight) * invariance + self.weight * gaussian
        return Loss(loss, {"invariance": invariance, "sigreg": gaussian})
