"""W-MSE: two or more views agree after whitening, which leaves no room for a collapse."""

import dataclasses
import itertools
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import w_mse
from ssljax.models import MLP, Chain
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.checks import require_share
from ssljax.objectives.siamese import all_views
from ssljax.objectives.views import Views, embed, example


@dataclasses.dataclass(frozen=True)
class WMSE:
    """Whitening for self-supervised representation learning (Ermolov et al., 2020).

    z_v = projector(encoder(view v)). The examples of a batch are put into random groups; within a
    group, each view is whitened by its own mean and covariance and then scaled to unit length. The
    loss is the squared distance, averaged over examples, pairs of views and `repeats` partitions
    into groups.

    Paper: https://arxiv.org/abs/2007.06346. Official code: htdt/self-supervised, methods/w_mse.py,
    whose epsilon is 0; here a little above, so that inputs without variance in every direction give
    a loss and not NaN.
    """

    run: Run
    views: Views = Views.crops(
        count=2,
        crop_scale=(0.2, 1.0),
        flip=0.5,
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
        hue=0.1,
        jitter_prob=0.8,
        grey_prob=0.1,
    )
    group_size: int = 128
    repeats: int = 1
    epsilon: float = 1e-4
    projector_hidden: tuple = (1024,)
    projector_dim: int = 64

    family: ClassVar[str] = "redundancy reduction"
    paper: ClassVar[str] = "arXiv:2007.06346"
    keeps: ClassVar[tuple[str, ...]] = ()
    batch_coupled: ClassVar[bool] = True

    def __post_init__(self):
        require_share(epsilon=self.epsilon)
        views = sum(view.count for view in self.views.augmentations(self.run.inputs).values())
        if views < 2:
            raise UserError(f"{self.views.where} makes {views} view(s); w_mse needs 2 or more")
        self.views.require(self.run.inputs, count=views)  # of one size
        if self.group_size < 1 or self.run.batch_size % self.group_size:
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
        if self.repeats < 1:
            raise UserError(f"objective.repeats={self.repeats}; it must be at least 1")

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
        views_key, model_key, groups_key = jax.random.split(key, 3)
        views = self.views.stacked(self.run.inputs, views_key, batch)
        # The encoder sees one view at a time, the projector all.
        one_by_one = {view: views[:, [view]] for view in range(views.shape[1])}
        z, stats = all_views(self.network, params, memory["stats"], one_by_one, model_key)
        losses = []
        for repeat_key in jax.random.split(groups_key, self.repeats):
            shuffled = z[:, jax.random.permutation(repeat_key, z.shape[1])]
            losses += [
                jnp.mean(w_mse(a, b, group_size=self.group_size, epsilon=self.epsilon))
                for a, b in itertools.combinations(shuffled, 2)
            ]
        return jnp.mean(jnp.stack(losses)), Aux(metrics={}, carry=stats)

    def advance(self, params, memory, carry, *, step):
        return params, {"stats": carry}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
