"""DINO: match a moving-average teacher's prototypes, also when seeing a small part of the image."""

import dataclasses

import jax.numpy as jnp

from ssljax.losses import dino
from ssljax.models import DINOHead, named
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.distillation.temperature import teacher_temperature
from ssljax.objectives.multi_crop import apply_multi_crop, count_global, pairs
from ssljax.objectives.views import Views
from ssljax.ops.ema import ema
from ssljax.schema import Prototypes, Share, Size, Temperature, Width, Widths


@dataclasses.dataclass(frozen=True)
class DINO(Objective):
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

    The paper holds the prototypes in the first epoch: that is the parameter group {"match":
    "^head/prototypes", "frozen_steps": ...}.

    Paper: https://arxiv.org/abs/2104.14294. Official code: facebookresearch/dino, main_dino.py,
    which sets the teacher's temperature once an epoch.
    """

    views: Views = Views.dino((0.4, 1.0), (0.05, 0.4), local_count=8)
    prototypes: Prototypes = 65536
    head_hidden: Widths = (2048, 2048)
    bottleneck: Width = 256
    learned_lengths: bool = False
    student_temperature: Temperature = 0.1
    teacher_temperature_start: Temperature = 0.04
    teacher_temperature: Temperature = 0.07
    temperature_steps: Size = 37530  # 30 epochs of ImageNet in batches of 1024
    momentum: Share = 0.996
    center_momentum: Share = 0.9

    teacher = ("encoder", "head")
    features_of_teacher = True
    paper = "arXiv:2104.14294"
    batch_coupled = True  # by batch statistics, where the encoder has them

    def check(self):
        count_global(self.views, at_least=2)

    def modules(self):
        shape = self.head_hidden, self.prototypes, self.bottleneck, self.learned_lengths
        return {"encoder": self.run.encoder, "head": DINOHead(*shape, self.run.dtype)}

    def memory(self, key):
        return {"center": named(jnp.zeros(self.prototypes), "prototypes")}

    def loss(self, net, teacher, batch, *, key, step):
        groups = self.views.by_size(key, batch)
        s = apply_multi_crop(net, groups, "head")
        t = apply_multi_crop(teacher, groups[:1], "head")
        temperatures = {
            "student_temperature": self.student_temperature,
            "teacher_temperature": teacher_temperature(self, step),
        }
        losses = [
            dino(s[student], t[view], net.state["center"], **temperatures)
            for view, student in pairs(len(t), len(s))
        ]
        # The mean of the teacher's logits; `advance` moves the centre to it.
        return Loss(jnp.mean(jnp.stack(losses)), carry={"center": jnp.mean(t, (0, 1))})

    def outputs(self, params, state, batch):
        """Return also the teacher's logits [B, K], centred and sharpened, "assignments/NAME"."""
        found, name = super().outputs(params, state, batch), self.run.name
        scores = self.evaluated(params, state).head(found[name])
        logits = (scores - state["center"]) / self.teacher_temperature
        return {**found, f"assignments/{name}": logits}

    def advance(self, params, state, carry, *, step):
        center = ema(state["center"], carry["center"], self.center_momentum)
        return super().advance(params, state, {**carry, "center": center}, step=step)
