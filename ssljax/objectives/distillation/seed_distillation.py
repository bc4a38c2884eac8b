"""SEED: a small student finds examples as alike as a larger, frozen teacher does."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import similarity_distillation
from ssljax.models import MLP, apply, build_encoder, init, named, without_drop_path
from ssljax.objectives.base import Loss, Objective, Run
from ssljax.objectives.contrastive.momentum_contrast import require_queue
from ssljax.objectives.views import Views
from ssljax.ops.queue import enqueue, init_queue
from ssljax.schema import Count, Positive, Widths, parse


@dataclasses.dataclass(frozen=True)
class SeedDistillation(Objective):
    """SEED: self-supervised distillation for visual representation (Fang et al., 2021).

    Student and teacher see the same view. With t the teacher's features, s = projector(student) and
    a queue of earlier t, the loss is the cross entropy of softmax(s . [t, queue] / temperature) to
    softmax(t . [t, queue] / teacher_temperature), all being unit vectors. Features are the
    student's: the encoder of the run.

    The teacher is at random values unless `config.init_from` takes it from the run that trained it,
    for example {"workdir": "runs/simclr", "take": "params/encoder", "put":
    "objective_state/teacher/params"} and, where it has batch statistics, another part from
    "objective_state/stats/encoder" to "objective_state/teacher/stats".

    Paper: https://arxiv.org/abs/2101.04731. Official code: jacobswan1/SEED, seed/builder.py, where
    t is the output of the teacher's projector, not its features.

    Attributes:
      teacher_encoder: an encoder, in a config a section such as {"name": "resnet50"}.
    """

    teacher_encoder: Any
    views: Views = Views.one_of("moco_v2")
    temperature: Positive = 0.2
    teacher_temperature: Positive = 0.01
    queue_size: Count = 65536
    projector_hidden: Widths = (512,)

    paper = "arXiv:2101.04731"
    batch_coupled = True  # by batch statistics, where an encoder has them

    @classmethod
    def from_config(cls, section: Mapping[str, Any], run: Run, where: str) -> "SeedDistillation":
        """Build the teacher, then this of it."""
        if not section.get("teacher_encoder"):
            raise UserError(
                f"{where}.teacher_encoder is missing; set it to {{'name': 'resnet50'}}, say"
            )
        rest = {key: value for key, value in section.items() if key != "teacher_encoder"}
        encoder = build_encoder(section["teacher_encoder"], run.field, f"{where}.teacher_encoder")
        return parse(cls, rest, where, run=run, teacher_encoder=encoder)

    def check(self):
        self.views.require(count=1)
        require_queue(self.run, self.queue_size)

    @functools.cached_property
    def width(self) -> int:
        """The number of the teacher's features."""
        x = self.blank()
        made = jax.eval_shape(lambda: teacher_features(self.teacher_encoder, *self._fresh(), x))
        return made.shape[1]

    def _fresh(self, key=None):
        key = jax.random.key(0) if key is None else key
        return init(self.teacher_encoder, key, self.blank())

    def modules(self):
        projector = MLP(self.projector_hidden, self.width, norm=False, dtype=self.run.dtype)
        return {"encoder": self.run.encoder, "projector": projector}

    def memory(self, key):
        teacher_key, queue_key = jax.random.split(key)
        params, stats = self._fresh(teacher_key)
        queue = init_queue(queue_key, rows=self.queue_size, dim=self.width)
        return {"teacher": {"params": params, "stats": stats}, "queue": named(queue, "queue")}

    def loss(self, net, teacher, batch, *, key, step):
        x, kept = self.views.stacked(key, batch)[:, 0], net.state["teacher"]
        s = net.projector(net.encoder(x).pooled)
        t = teacher_features(self.teacher_encoder, kept["params"], kept["stats"], x)
        queue = net.state["queue"]
        losses = similarity_distillation(
            s,
            t,
            queue["rows"],
            student_temperature=self.temperature,
            teacher_temperature=self.teacher_temperature,
        )
        return Loss(jnp.mean(losses), carry={"queue": enqueue(queue, t)})


def teacher_features(encoder: Any, params: Any, stats: Any, x: jax.Array) -> jax.Array:
    """Return the teacher's features [B, D], as it gives them when it is not trained."""
    encoded, _ = apply(without_drop_path(encoder), params, stats, x, train=False)
    return jax.lax.stop_gradient(encoded.pooled)
