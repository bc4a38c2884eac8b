"""Online distillation: a small student and its larger teacher learn in the same steps."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import similarity_distillation
from ssljax.models import MLP, build_encoder, named
from ssljax.objectives import build_objective
from ssljax.objectives.base import Loss, Objective, Refreshing, Run
from ssljax.objectives.contrastive.momentum_contrast import require_queue
from ssljax.objectives.distillation.seed_distillation import teacher_features
from ssljax.objectives.views import Views
from ssljax.ops.queue import enqueue, init_queue
from ssljax.schema import Count, Temperature, Widths, parse

PREFIX = "teacher/"  # of the teacher's components


@dataclasses.dataclass(frozen=True)
class OnlineDistillation(Objective):
    """The student's loss of SEED (Fang et al., 2021) towards a teacher that is trained too.

    The teacher learns by an objective of its own, of which all components are called "teacher/...".
    In the same step the student is to find examples as alike as the teacher does: with t the
    teacher's features, s = projector(student) and a queue of earlier t, its loss is the cross
    entropy of softmax(s . [t, queue] / temperature) to softmax(t . [t, queue] /
    teacher_temperature), all being unit vectors. No gradient of it reaches the teacher. The loss is
    the sum of both. Features are the student's: the encoder of the run.

    Papers: the student's loss https://arxiv.org/abs/2101.04731; student and teacher at once
    https://arxiv.org/abs/2104.09866 (DoGo, where either learns from the other). Official code:
    jacobswan1/SEED, seed/builder.py, where the teacher is frozen (`seed_distillation`).

    Attributes:
      teacher_objective: what the teacher learns by, in a config a section; its encoder is that of
        the section `teacher_encoder`.
    """

    teacher_objective: Objective
    views: Views = Views.one_of("moco_v2")
    temperature: Temperature = 0.2
    teacher_temperature: Temperature = 0.01
    queue_size: Count = 65536
    projector_hidden: Widths = (512,)

    paper = "arXiv:2104.09866"
    batch_coupled = True  # by batch statistics, where an encoder has them
    smallest_batch = 2

    @classmethod
    def from_config(cls, section: Mapping[str, Any], run: Run, where: str) -> "OnlineDistillation":
        """Build the teacher and its objective, then this of them."""
        rest = dict(section)
        for name, such in (
            ("teacher_encoder", "{'name': 'resnet50'}"),
            ("teacher_objective", "{'name': 'simclr'}"),
        ):
            if not rest.get(name):
                raise UserError(f"{where}.{name} is missing; set it to {such}, say")
        section = rest.pop("teacher_encoder")
        encoder = build_encoder(section, run.field, f"{where}.teacher_encoder")
        its_run = dataclasses.replace(run, encoder=encoder)
        task = build_objective(rest.pop("teacher_objective"), its_run, f"{where}.teacher_objective")
        return parse(cls, rest, where, run=run, teacher_objective=task)

    def check(self):
        self.views.require(count=1)
        require_queue(self.run, self.queue_size)
        if isinstance(self.teacher_objective, Refreshing):
            raise UserError("teacher_objective works between steps, which a teacher here cannot")

    @functools.cached_property
    def width(self) -> int:
        """The number of the teacher's features."""
        task = self.teacher_objective
        name = self.run.name
        batch = {name: self.run.spec.batch(2)[name]}  # as the data have it: sounds are waves

        def features(key, batch):
            return task.outputs(*task.init(key, key), batch)[name]

        return jax.eval_shape(features, jax.random.key(0), batch).shape[1]

    def modules(self):
        projector = MLP(self.projector_hidden, self.width, norm=False, dtype=self.run.dtype)
        return {"encoder": self.run.encoder, "projector": projector}

    def memory(self, key):
        queue_key = jax.random.split(key)[1]
        queue = init_queue(queue_key, rows=self.queue_size, dim=self.width)
        return {"queue": named(queue, "queue")}

    def loss(self, net, teacher, batch, *, key, step):
        x, queue = self.views.stacked(key, batch)[:, 0], net.state["queue"]
        s = net.projector(net.encoder(x).pooled)
        stats = net.state["teacher"].get("stats", {}).get("encoder", {})
        encoder = self.teacher_objective.run.encoder
        t = teacher_features(encoder, net.params[f"{PREFIX}encoder"], stats, x)
        losses = similarity_distillation(
            s,
            t,
            queue["rows"],
            student_temperature=self.temperature,
            teacher_temperature=self.teacher_temperature,
        )
        return Loss(jnp.mean(losses), carry={"queue": enqueue(queue, t)})

    # The teacher's part of all that a step does.

    def host_crops(self):
        return {**super().host_crops(), **_renamed(self.teacher_objective.host_crops())}

    def init_networks(self, key):
        params, stats = super().init_networks(key)
        teacher, its = self.teacher_objective.init_networks(jax.random.split(key)[1])
        return {**params, **_renamed(teacher)}, {"student": stats, "teacher": its}

    def init_state(self, key, params, stats):
        state = super().init_state(key, params, stats["student"])
        teacher_key = jax.random.split(key)[0]
        its = self.teacher_objective.init_state(teacher_key, _own(params), stats["teacher"])
        return {**state, "teacher": its}

    def value(self, params, state, batch, *, key, step):
        loss, aux = super().value(params, state, batch, key=key, step=step)
        teachers, its = self.teacher_objective.value(
            _own(params),
            state["teacher"],
            {**batch, **_own(batch)},
            key=jax.random.split(key, 3)[2],
            step=step,
        )
        metrics = {PREFIX + name: value for name, value in its.metrics.items()}
        metrics |= {"student_loss": loss, "teacher_loss": teachers}
        carry = {**aux.carry, "teacher": its.carry}
        return loss + teachers, dataclasses.replace(aux, metrics=metrics, carry=carry)

    def advance(self, params, state, carry, *, step):
        teacher, kept = self.teacher_objective.advance(
            _own(params), state["teacher"], carry["teacher"], step=step
        )
        carry = {**carry, "teacher": kept}
        return super().advance({**params, **_renamed(teacher)}, state, carry, step=step)


def _own(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Return the teacher's components or crops, under the names that its objective knows."""
    return {
        name.removeprefix(PREFIX): one for name, one in entries.items() if name.startswith(PREFIX)
    }


def _renamed(entries: Mapping[str, Any]) -> dict[str, Any]:
    return {PREFIX + name: one for name, one in entries.items()}
