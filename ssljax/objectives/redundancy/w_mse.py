"""W-MSE: two or more views agree after whitening, which leaves no room for a collapse."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import w_mse
from ssljax.models import MLP
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.multi_crop import apply_multi_crop
from ssljax.objectives.presets import WEAK
from ssljax.objectives.views import Views
from ssljax.schema import Count, Share, Width, Widths


@dataclasses.dataclass(frozen=True)
class WMSE(Objective):
    """Whitening for self-supervised representation learning (Ermolov et al., 2020).

    z_v = projector(encoder(view v)). The examples of a batch are put into random groups; within a
    group, each view is whitened by its own mean and covariance and then scaled to unit length. The
    loss is the squared distance, averaged over examples, pairs of views and `repeats` partitions
    into groups.

    Paper: https://arxiv.org/abs/2007.06346. Official code: htdt/self-supervised, methods/w_mse.py,
    whose epsilon is 0; here a little above, so that inputs without variance in every direction give
    a loss and not NaN.
    """

    views: Views = Views.crops(count=2, crop_scale=(0.2, 1.0), **{**WEAK, "grey_prob": 0.1})
    group_size: Count = 128
    repeats: Count = 1
    epsilon: Share = 1e-4
    projector_hidden: Widths = (1024,)
    projector_dim: Width = 64

    takes_ragged = True
    paper = "arXiv:2007.06346"
    batch_coupled = True

    def check(self):
        if (count := self.views.count) < 2:
            raise UserError(f"{self.views.where} makes {count} view(s); w_mse needs 2 or more")
        self.views.require(count=count)  # of one size
        if self.run.batch_size % self.group_size:
            raise UserError(
                f"objective.group_size={self.group_size} is not a divisor of "
                f"batch_size={self.run.batch_size}"
            )
        if self.group_size <= self.projector_dim:
            raise UserError(
                f"objective.group_size={self.group_size} must be larger than "
                f"objective.projector_dim={self.projector_dim}, better twice that: the covariance "
                "of a group is inverted"
            )

    def modules(self):
        head = {"linear_init": "torch", "dtype": self.run.dtype}
        projector = MLP(self.projector_hidden, self.projector_dim, **head)
        return {"encoder": self.run.encoder, "projector": projector}

    def loss(self, net, teacher, batch, *, key, step):
        views = self.views.stacked(key, batch)
        # The encoder sees one view at a time, the projector all.
        one_by_one = [views[:, [view]] for view in range(views.shape[1])]
        z = apply_multi_crop(net, one_by_one, "projector")
        losses = []
        for repeat_key in jax.random.split(jax.random.split(key, 3)[2], self.repeats):
            shuffled = z[:, jax.random.permutation(repeat_key, z.shape[1])]
            losses += [
                jnp.mean(w_mse(a, b, group_size=self.group_size, epsilon=self.epsilon))
                for a, b in itertools.combinations(shuffled, 2)
            ]
        return Loss(jnp.mean(jnp.stack(losses)))
