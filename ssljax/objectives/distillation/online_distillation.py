"""Online distillation: a small student finds images as alike as a larger teacher does."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import similarity_distillation
from ssljax.models import MLP, Chain, apply, build_encoder, init
from ssljax.objectives import build_objective
from ssljax.objectives.base import Aux, Objective, Run
from ssljax.objectives.checks import require_positive, require_queue
from ssljax.objectives.construct import construct
from ssljax.objectives.distillation.multi_crop import without_drop_path
from ssljax.objectives.views import Views, embed, example
from ssljax.ops.queue import enqueue, init_queue

PREFIX = "teacher/"  # of the components of a teacher that is trained too


@dataclasses.dataclass(frozen=True)
class OnlineDistillation:
    """SEED: self-supervised distillation for visual representation (Fang et al., 2021), online.

    Student and teacher see the same view. With t the teacher's features, s = projector(student) and
    a queue of earlier t, the loss is the cross entropy of softmax(s . [t, queue] / temperature) to
    softmax(t . [t, queue] / teacher_temperature), all being unit vectors. Features are the
    student's: the encoder of the run.

    A frozen teacher is remembered as {"params": ..., "stats": ...}, at random values unless
    `config.init_from` takes them from the run that trained it, for example {"workdir":
    "runs/simclr", "take": "params/encoder", "put": "objective_state/teacher/params"} and, where it has batch
    statistics, another part from "objective_state/stats/encoder" to "objective_state/teacher/stats".

    A teacher that is not frozen learns in the same steps, by an objective of its own (of which all
    components are called "teacher/..."). The student follows it; no gradient of its loss reaches
    the teacher.

    Paper: https://arxiv.org/abs/2101.04731. Official code: jacobswan1/SEED, seed/builder.py, where
    t is the output of the teacher's projector, not its features, and every teacher is frozen.

    Attributes:
      run: as for any objective; its encoder is the student.
      teacher: an encoder, in a config a section such as {"name": "resnet50"}.
      teacher_objective: what it learns by if it is not frozen, in a config a section.
    """

    run: Run
    teacher: Any
    teacher_objective: Objective | None = None
    frozen_teacher: bool = True
    views: Views = Views.crops(
        crop_scale=(0.2, 1.0),
        flip=0.5,
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
        hue=0.1,
        jitter_prob=0.8,
        grey_prob=0.2,
        blur_prob=0.5,
    )
    temperature: float = 0.2
    teacher_temperature: float = 0.01
    queue_size: int = 65536
    projector_hidden: tuple = (512,)

    family: ClassVar[str] = "self-distillation"
    paper: ClassVar[str] = "arXiv:2101.04731"
    keeps: ClassVar[tuple[str, ...]] = ("teacher", "queue")
    batch_coupled: ClassVar[bool] = True  # by batch statistics, where an encoder has them
    smallest_batch: ClassVar[int] = 2

    @classmethod
    def from_config(cls, section: Mapping[str, Any], run: Run, where: str) -> "OnlineDistillation":
        """Build the teacher and its objective, then this of them."""
        if not section.get("teacher"):
            raise UserError(f"{where}.teacher is missing; set it to {{'name': 'resnet50'}}, say")
        rest = {k: v for k, v in section.items() if k not in ("teacher", "teacher_objective")}
        teacher, objective = build_encoder(section["teacher"]), section.get("teacher_objective")
        if objective:
            its_run = dataclasses.replace(run, encoder=teacher)
            objective = build_objective(objective, its_run, f"{where}.teacher_objective")
        return construct(
            cls, rest, where, run=run, teacher=teacher, teacher_objective=objective or None
        )

    def __post_init__(self):
        self.views.require(self.run.inputs, count=1)
        require_queue(self.run, self.queue_size)
        require_positive(temperature=self.temperature, teacher_temperature=self.teacher_temperature)
        if self.frozen_teacher == (self.teacher_objective is not None):
            raise UserError(
                f"frozen_teacher={self.frozen_teacher}: a frozen teacher has no teacher_objective, "
                "and one that is not frozen needs it to learn by"
            )
        if hasattr(self.teacher_objective, "refresh"):
            raise UserError("teacher_objective works between steps, which a teacher here cannot")

    @functools.cached_property
    def _width(self) -> int:
        """Of the teacher's features."""

        def features(key):
            params, stats = init(self.teacher, key, example(self.run.inputs))
            return self._features(params, stats, example(self.run.inputs))

        return jax.eval_shape(features, jax.random.key(0)).shape[1]

    def _features(self, params, stats, images):
        """Return the teacher's, as it gives them when it is not trained."""
        encoded, _ = apply(without_drop_path(self.teacher), params, stats, images, train=False)
        return jax.lax.stop_gradient(encoded.pooled)

    @property
    def network(self) -> Chain:
        projector = MLP(self.projector_hidden, self._width, norm=False, dtype=self.run.dtype)
        return Chain({"encoder": self.run.encoder, "projector": projector})

    def init_params(self, key, batch):
        student_key, teacher_key = jax.random.split(key)
        params = self.network.init(student_key, example(self.run.inputs))[0]
        if self.frozen_teacher:
            return params
        teacher = self.teacher_objective.init_params(teacher_key, batch)
        return {**params, **{PREFIX + name: tree for name, tree in teacher.items()}}

    def init_memory(self, key, params, batch):
        teacher_key, queue_key = jax.random.split(key)
        if self.frozen_teacher:
            trained, stats = init(self.teacher, teacher_key, example(self.run.inputs))
            teacher = {"params": trained, "stats": stats}
        else:
            teacher = self.teacher_objective.init_memory(teacher_key, _teachers(params), batch)
        return {
            "stats": self.network.init(key, example(self.run.inputs))[1],
            "teacher": teacher,
            "queue": init_queue(queue_key, rows=self.queue_size, dim=self._width),
        }

    def loss(self, params, memory, batch, *, key, step):
        views_key, model_key, teacher_key = jax.random.split(key, 3)
        images = self.views.stacked(self.run.inputs, views_key, batch)[:, 0]
        s, stats = self.network.apply(params, memory["stats"], images, train=True, key=model_key)
        teacher = memory["teacher"]
        if self.frozen_teacher:
            t = self._features(teacher["params"], teacher["stats"], images)
        else:
            encoder_stats = teacher.get("stats", {}).get("encoder", {})
            t = self._features(params[PREFIX + "encoder"], encoder_stats, images)
        loss = jnp.mean(
            similarity_distillation(
                s,
                t,
                memory["queue"]["rows"],
                student_temperature=self.temperature,
                teacher_temperature=self.teacher_temperature,
            )
        )
        carry = {"stats": stats, "keys": t}
        if self.frozen_teacher:
            return loss, Aux({}, carry)
        teachers, aux = self.teacher_objective.loss(
            _teachers(params), teacher, batch, key=teacher_key, step=step
        )
        metrics = {PREFIX + name: value for name, value in aux.metrics.items()}
        metrics |= {"student_loss": loss, "teacher_loss": teachers}
        return loss + teachers, Aux(metrics, {**carry, "teacher": aux.carry})

    def advance(self, params, memory, carry, *, step):
        queue = enqueue(memory["queue"], carry["keys"])
        memory = {**memory, "stats": carry["stats"], "queue": queue}
        if self.frozen_teacher:
            return params, memory
        teacher, remembered = self.teacher_objective.advance(
            _teachers(params), memory["teacher"], carry["teacher"], step=step
        )
        renamed = {PREFIX + name: tree for name, tree in teacher.items()}
        return {**params, **renamed}, {**memory, "teacher": remembered}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)


def _teachers(params: dict[str, Any]) -> dict[str, Any]:
    """Return the teacher's components, under the names that its objective knows them by."""
    return {
        name.removeprefix(PREFIX): tree for name, tree in params.items() if name.startswith(PREFIX)
    }
