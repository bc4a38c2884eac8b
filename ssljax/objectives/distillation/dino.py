"""DINO: match a moving-average teacher's prototypes, also when seeing a small part of the image."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.losses import dino
from ssljax.models import Chain, DINOHead
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.checks import require_positive, require_share
from ssljax.objectives.distillation.multi_crop import (
    apply_multi_crop,
    by_size,
    count_global,
    crops,
    pairs,
    require_prototypes,
    without_drop_path,
)
from ssljax.objectives.views import Views, embed, example
from ssljax.ops.ema import ema
from ssljax.ops.schedule import cosine, linear


@dataclasses.dataclass(frozen=True)
class DINO:
    """Emerging properties in self-supervised vision transformers (Caron et al., 2021).

    The student sees all views, the teacher only the global ones: those of the largest size. Both
    end in cosines to K prototypes, s and t. The loss is the mean of H(softmax((t - c) /
    teacher_temperature), softmax(s / student_temperature)) over all pairs of a teacher's and
    another student's view.

    After the step, the centre c moves towards the mean of the teacher's logits in the global batch,
    and the teacher's parameters towards the student's, with a momentum that rises along a cosine to
    1; its batch statistics are its own. The teacher's temperature rises along a line. Features are
    the teacher's, which are the better ones.

    With `learned_lengths` a prototype's cosines are times a length that is trained, from 1
    (`norm_last_layer` False of the official code, which the published ViT-S has).

    The paper holds the prototypes in the first epoch: that is the optimizer rule {"match":
    "^head/prototypes", "frozen_steps": ...}.

    Paper: https://arxiv.org/abs/2104.14294. Official code: facebookresearch/dino, main_dino.py,
    which sets the teacher's temperature once an epoch.
    """

    run: Run
    views: Views = crops(
        global_scale=(0.4, 1.0), local_scale=(0.05, 0.4), local_size=96, local_count=8
    )
    prototypes: int = 65536
    head_hidden: tuple = (2048, 2048)
    bottleneck: int = 256
    learned_lengths: bool = False
    student_temperature: float = 0.1
    teacher_temperature_start: float = 0.04
    teacher_temperature: float = 0.07
    temperature_steps: int = 37530  # 30 epochs of ImageNet in batches of 1024
    momentum: float = 0.996
    center_momentum: float = 0.9

    family: ClassVar[str] = "self-distillation"
    paper: ClassVar[str] = "arXiv:2104.14294"
    keeps: ClassVar[tuple[str, ...]] = ("teacher", "center")
    batch_coupled: ClassVar[bool] = True  # by batch statistics, where the encoder has them

    def __post_init__(self):
        require_share(center_momentum=self.center_momentum, momentum=self.momentum)
        count_global(self.views, self.run.inputs, at_least=2)
        require_prototypes(prototypes=self.prototypes)
        require_positive(
            student_temperature=self.student_temperature,
            teacher_temperature_start=self.teacher_temperature_start,
            teacher_temperature=self.teacher_temperature,
        )

    @property
    def network(self) -> Chain:
        head = DINOHead(
            self.head_hidden,
            self.prototypes,
            self.bottleneck,
            self.learned_lengths,
            self.run.dtype,
        )
        return Chain({"encoder": self.run.encoder, "head": head})

    @property
    def teacher(self) -> Chain:
        return Chain({**self.network.modules, "encoder": without_drop_path(self.run.encoder)})

    def init_params(self, key, batch):
        return self.network.init(key, example(self.run.inputs))[0]

    def init_memory(self, key, params, batch):
        stats = self.network.init(key, example(self.run.inputs))[1]
        center = jnp.zeros(self.prototypes)
        return {"stats": stats, "teacher": params, "teacher_stats": stats, "center": center}

    def loss(self, params, memory, batch, *, key, step):
        views_key, model_key = jax.random.split(key)
        groups = by_size(self.views, self.run.inputs, views_key, batch)
        s, stats = apply_multi_crop(self.network, params, memory["stats"], groups, model_key)
        t, teacher_stats = apply_multi_crop(
            self.teacher, memory["teacher"], memory["teacher_stats"], groups[:1]
        )
        teacher_temperature = linear(
            step,
            start=self.teacher_temperature_start,
            end=self.teacher_temperature,
            steps=self.temperature_steps,
        )
        losses = [
            dino(
                s[:, student],
                t[:, teacher],
                memory["center"],
                student_temperature=self.student_temperature,
                teacher_temperature=teacher_temperature,
            )
            for teacher, student in pairs(t.shape[1], s.shape[1])
        ]
        carry = {"stats": stats, "teacher_stats": teacher_stats, "center": jnp.mean(t, (0, 1))}
        return jnp.mean(jnp.stack(losses)), Aux({}, jax.lax.stop_gradient(carry))

    def advance(self, params, memory, carry, *, step):
        momentum = cosine(step, start=self.momentum, end=1.0, steps=self.run.steps)
        return params, {
            "stats": carry["stats"],
            "teacher": ema(memory["teacher"], params, momentum),
            "teacher_stats": carry["teacher_stats"],
            "center": ema(memory["center"], carry["center"], self.center_momentum),
        }

    def embed(self, params, memory, batch):
        teacher, stats = memory["teacher"], memory["teacher_stats"]
        return embed(self.run, teacher["encoder"], stats["encoder"], batch)
