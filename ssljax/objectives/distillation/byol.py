"""BYOL: predict a moving-average teacher's projection of the other view; no negatives."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.losses import byol_regression
from ssljax.models import MLP, Chain
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.checks import require_share
from ssljax.objectives.views import Views, embed, example
from ssljax.ops.ema import ema
from ssljax.ops.schedule import cosine

_VIEW = dict(
    crop_scale=(0.08, 1.0),
    flip=0.5,
    brightness=0.4,
    contrast=0.4,
    saturation=0.2,
    hue=0.1,
    jitter_prob=0.8,
    grey_prob=0.2,
)


TEACHER = ("encoder", "projector")  # the components that the teacher has


@dataclasses.dataclass(frozen=True)
class BYOL:
    """Bootstrap your own latent (Grill et al., 2020).

    The loss is mean(|q1 - z2'|^2 + |q2 - z1'|^2) over unit vectors, in [0, 8]: q =
    predictor(projector(encoder(view))) online, z' = the teacher's projection, without gradient.

    The teacher's parameters are a moving average, updated after the optimizer's step, with a
    momentum that rises along a cosine to 1; its batch statistics are its own.

    Paper: https://arxiv.org/abs/2006.07733. Official code: google-deepmind/deepmind-research,
      byol/byol_experiment.py.
    """

    run: Run
    views: Views = Views(
        {
            "view1": {**_VIEW, "blur_prob": 1.0},
            "view2": {**_VIEW, "blur_prob": 0.1, "solarize_prob": 0.2},
        }
    )
    momentum: float = 0.996
    projector_hidden: tuple = (4096,)
    projector_dim: int = 256
    predictor_hidden: tuple = (4096,)

    family: ClassVar[str] = "self-distillation"
    paper: ClassVar[str] = "arXiv:2006.07733"
    keeps: ClassVar[tuple[str, ...]] = ("teacher",)
    batch_coupled: ClassVar[bool] = True
    smallest_batch: ClassVar[int] = 3

    def __post_init__(self):
        require_share(momentum=self.momentum)
        self.views.require(self.run.inputs, count=2)

    @property
    def network(self) -> Chain:
        return Chain(
            {
                "encoder": self.run.encoder,
                "projector": self._mlp(self.projector_hidden),
                "predictor": self._mlp(self.predictor_hidden),
            }
        )

    def _mlp(self, hidden: tuple) -> MLP:
        return MLP(
            hidden, self.projector_dim, output_bias=False, linear_init="haiku", dtype=self.run.dtype
        )

    def init_params(self, key, batch):
        return self.network.init(key, example(self.run.inputs))[0]

    def init_memory(self, key, params, batch):
        stats = self.network.init(key, example(self.run.inputs))[1]
        return {
            "stats": stats,
            "teacher": {name: params[name] for name in TEACHER},
            "teacher_stats": {name: stats[name] for name in TEACHER},
        }

    def loss(self, params, memory, batch, *, key, step):
        views_key, *model_keys = jax.random.split(key, 3)
        views = self.views.stacked(self.run.inputs, views_key, batch)
        stats, teacher_stats = memory["stats"], memory["teacher_stats"]
        q1, stats = self.network.apply(params, stats, views[:, 0], train=True, key=model_keys[0])
        q2, stats = self.network.apply(params, stats, views[:, 1], train=True, key=model_keys[1])
        z1, teacher_stats = self._target(memory, teacher_stats, views[:, 0])
        z2, teacher_stats = self._target(memory, teacher_stats, views[:, 1])
        loss = jnp.mean(byol_regression(q1, z2) + byol_regression(q2, z1))
        return loss, Aux(metrics={}, carry={"stats": stats, "teacher_stats": teacher_stats})

    def _target(self, memory, stats, images):
        return self.network.apply(memory["teacher"], stats, images, train=True, through=TEACHER)

    def advance(self, params, memory, carry, *, step):
        momentum = cosine(step, start=self.momentum, end=1.0, steps=self.run.steps)
        online = {name: params[name] for name in TEACHER}
        return params, {**carry, "teacher": ema(memory["teacher"], online, momentum)}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
