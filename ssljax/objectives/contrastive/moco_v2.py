"""MoCo v1 and v2: a view agrees with the key of the other one, against a queue of earlier keys."""

import dataclasses

import jax
import jax.numpy as jnp

from ssljax.losses import info_nce
from ssljax.models import MLP, named
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.contrastive.momentum_contrast import require_queue, teacher_keys
from ssljax.objectives.views import Views
from ssljax.ops.queue import enqueue, init_queue
from ssljax.schema import Count, Share, Size, Temperature, Width, Widths


@dataclasses.dataclass(frozen=True)
class MoCo(Objective):
    """Improved baselines with momentum contrastive learning (Chen et al., 2020).

    q = network(view 1), k = teacher(view 2), the teacher being a moving average of the network; the
    loss is InfoNCE of q against k and the K keys of the queue. Each batch's keys enter the queue
    after they were used. With `logits_block` above 0 the loss holds so many rows and columns of
    logits at a time. MoCo v1 is this with a linear head (`projector_hidden` ()), a temperature of
    0.07 and the views "moco_v1".

    With an encoder whose batch normalisation has `bn_groups` > 1, the keys are computed in a
    shuffled order, so that a query and its key share no batch statistics (shuffle-BN), on any
    number of devices.

    Paper: https://arxiv.org/abs/2003.04297 (v1: https://arxiv.org/abs/1911.05722). Official code:
    facebookresearch/moco, moco/builder.py, which updates the teacher at the start of a step: the
    same numbers, since here it is updated at the end of the step before.
    """

    views: Views = Views("moco_v2")
    temperature: Temperature = 0.2
    momentum: Share = 0.999
    queue_size: Count = 65536
    projector_hidden: Widths = (2048,)
    projector_dim: Width = 128
    logits_block: Size = 0

    teacher = ("encoder", "projector")
    takes_ragged = True
    paper = "arXiv:2003.04297"
    batch_coupled = True

    def check(self):
        self.views.require(count=2)
        require_queue(self.run, self.queue_size)

    def modules(self):
        head = {"norm": False, "linear_init": "torch", "dtype": self.run.dtype}
        projector = MLP(self.projector_hidden, self.projector_dim, **head)
        return {"encoder": self.run.encoder, "projector": projector}

    def memory(self, key):
        queue = init_queue(key, rows=self.queue_size, dim=self.projector_dim)
        return {"queue": named(queue, "queue")}

    def loss(self, net, teacher, batch, *, key, step):
        views, queue = self.views.stacked(key, batch), net.state["queue"]
        shuffle_key = jax.random.split(jax.random.split(key)[1])[0]
        q = net.projector(net.encoder(views[:, 0]).pooled)
        k = teacher_keys(teacher, views[:, 1], shuffle_key)
        options = {"temperature": self.temperature, "block": self.logits_block}
        losses = info_nce(q, k, queue["rows"], **options)
        return Loss(jnp.mean(losses), carry={"queue": enqueue(queue, k)})

    def decay(self, step):
        return self.momentum
