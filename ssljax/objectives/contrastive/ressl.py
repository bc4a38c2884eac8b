"""ReSSL: a strong view resembles earlier images as the teacher sees a weak view resemble them."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import relational
from ssljax.models import MLP, Chain
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.checks import require_positive, require_queue, require_share
from ssljax.objectives.contrastive.momentum_contrast import (
    first_memory,
    teacher_keys,
    update_teacher,
)
from ssljax.objectives.views import Views, embed, example


@dataclasses.dataclass(frozen=True)
class ReSSL:
    """ReSSL: relational self-supervised learning with weak augmentation (Zheng et al., 2021).

    The student sees a strongly augmented view, the teacher, a moving average, a weakly augmented
    one; with p = softmax(teacher's key . queue / t_t) and q = softmax(student's query . queue /
    t_s), the loss is the cross entropy of q relative to p. The teacher is the sharper one: t_t <
    t_s. Its keys enter the queue after it was used; shuffle-BN is as in `moco_v2`. With
    `projector_norm` the projector has a BatchNorm in its hidden layer, as ports have, which keeps
    short runs of small networks from log K; the official one (network/head.py) has none.

    Paper: https://arxiv.org/abs/2107.09282. Official code: KyleZheng1997/ReSSL, network/ressl.py.
    """

    run: Run
    views: Views = Views(
        {
            "strong": dict(
                crop_scale=(0.2, 1.0),
                flip=0.5,
                brightness=0.4,
                contrast=0.4,
                saturation=0.4,
                hue=0.1,
                jitter_prob=0.8,
                grey_prob=0.2,
                blur_prob=0.5,
            ),
            "weak": dict(crop_scale=(0.2, 1.0), flip=0.5),
        }
    )
    temperature: float = 0.1
    teacher_temperature: float = 0.04
    momentum: float = 0.999
    queue_size: int = 131072
    projector_hidden: tuple = (4096,)
    projector_dim: int = 512
    projector_norm: bool = False

    family: ClassVar[str] = "contrastive"
    paper: ClassVar[str] = "arXiv:2107.09282"
    keeps: ClassVar[tuple[str, ...]] = ("teacher", "queue")
    batch_coupled: ClassVar[bool] = True
    smallest_batch: ClassVar[int] = 2

    def __post_init__(self):
        require_positive(teacher_temperature=self.teacher_temperature, temperature=self.temperature)
        require_share(momentum=self.momentum)
        self.views.require(self.run.inputs, count=2)
        if set(self.views.groups) != {"strong", "weak"}:
            raise UserError(
                f"objective.views has {', '.join(self.views.groups)}; ressl takes 'strong' (the "
                "student's) and 'weak' (the teacher's)"
            )
        require_queue(self.run, self.queue_size)

    @property
    def network(self) -> Chain:
        projector = MLP(
            self.projector_hidden,
            self.projector_dim,
            norm=self.projector_norm,
            linear_init="torch",
            dtype=self.run.dtype,
        )
        return Chain({"encoder": self.run.encoder, "projector": projector})

    def init_params(self, key, batch):
        return self.network.init(key, example(self.run.inputs))[0]

    def init_memory(self, key, params, batch):
        stats = self.network.init(key, example(self.run.inputs))[1]
        return first_memory(params, stats, key, rows=self.queue_size, dim=self.projector_dim)

    def loss(self, params, memory, batch, *, key, step):
        views_key, shuffle_key, model_key = jax.random.split(key, 3)
        views = self.views(self.run.inputs, views_key, batch)
        strong, weak = views["strong"][:, 0], views["weak"][:, 0]
        q, stats = self.network.apply(params, memory["stats"], strong, train=True, key=model_key)
        k, teacher_stats = teacher_keys(self.network, memory, weak, shuffle_key)
        losses = relational(
            q,
            k,
            memory["queue"]["rows"],
            student_temperature=self.temperature,
            teacher_temperature=self.teacher_temperature,
        )
        carry = {"stats": stats, "teacher_stats": teacher_stats, "keys": k}
        return jnp.mean(losses), Aux(metrics={}, carry=carry)

    def advance(self, params, memory, carry, *, step):
        return params, update_teacher(memory, params, carry, self.momentum)

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
