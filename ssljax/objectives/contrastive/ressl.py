"""ReSSL: a strong view resembles earlier examples as the teacher sees a weak view resemble them."""

import dataclasses

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import relational
from ssljax.models import MLP, named
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.contrastive.momentum_contrast import require_queue, teacher_keys
from ssljax.objectives.presets import WEAK
from ssljax.objectives.views import Views
from ssljax.ops.queue import enqueue, init_queue
from ssljax.schema import Count, Positive, Share, Width, Widths


@dataclasses.dataclass(frozen=True)
class ReSSL(Objective):
    """ReSSL: relational self-supervised learning with weak augmentation (Zheng et al., 2021).

    The student sees a strongly augmented view, the teacher, a moving average, a weakly augmented
    one; with p = softmax(teacher's key . queue / t_t) and q = softmax(student's query . queue /
    t_s), the loss is the cross entropy of q relative to p. The teacher is the sharper one: t_t <
    t_s. Its keys enter the queue after it was used; shuffle-BN is as in `moco_v2`. With
    `projector_norm` the projector has a BatchNorm in its hidden layer, as ports have, which keeps
    short runs of small networks from log K; the official one (network/head.py) has none.

    Paper: https://arxiv.org/abs/2107.09282. Official code: KyleZheng1997/ReSSL, network/ressl.py.
    """

    views: Views = Views(
        {
            "strong": {"crop_scale": (0.2, 1.0), "blur_prob": 0.5, **WEAK},
            "weak": {"crop_scale": (0.2, 1.0), "flip": 0.5},
        }
    )
    temperature: Positive = 0.1
    teacher_temperature: Positive = 0.04
    momentum: Share = 0.999
    queue_size: Count = 131072
    projector_hidden: Widths = (4096,)
    projector_dim: Width = 512
    projector_norm: bool = False

    teacher = ("encoder", "projector")
    paper = "arXiv:2107.09282"
    batch_coupled = True
    smallest_batch = 2

    def check(self):
        self.views.require(count=2)
        if set(names := self.views.augmentations) != {"strong", "weak"}:
            raise UserError(
                f"objective.views has {', '.join(names)}; ressl takes 'strong' (the student's) and "
                "'weak' (the teacher's)"
            )
        require_queue(self.run, self.queue_size)

    def modules(self):
        head = {"norm": self.projector_norm, "linear_init": "torch", "dtype": self.run.dtype}
        projector = MLP(self.projector_hidden, self.projector_dim, **head)
        return {"encoder": self.run.encoder, "projector": projector}

    def memory(self, key):
        queue = init_queue(key, rows=self.queue_size, dim=self.projector_dim)
        return {"queue": named(queue, "queue")}

    def loss(self, net, teacher, batch, *, key, step):
        views, queue = self.views(key, batch), net.state["queue"]
        q = net.projector(net.encoder(views["strong"][:, 0]).pooled)
        k = teacher_keys(teacher, views["weak"][:, 0], jax.random.split(key)[1])
        losses = relational(
            q,
            k,
            queue["rows"],
            student_temperature=self.temperature,
            teacher_temperature=self.teacher_temperature,
        )
        return Loss(jnp.mean(losses), carry={"queue": enqueue(queue, k)})

    def decay(self, step):
        return self.momentum
