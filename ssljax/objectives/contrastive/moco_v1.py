"""MoCo v1: as MoCo v2, with a linear head, no blur and a lower temperature."""

import dataclasses
from typing import ClassVar

import jax

from ssljax.models import MLP, Chain
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.checks import (
    require_not_negative,
    require_positive,
    require_queue,
    require_share,
)
from ssljax.objectives.contrastive.momentum_contrast import contrast, first_memory, update_teacher
from ssljax.objectives.views import Views, embed, example


@dataclasses.dataclass(frozen=True)
class MoCoV1:
    """Momentum contrast for unsupervised visual representation learning (He et al., 2019).

    q = network(view 1), k = teacher(view 2), the teacher being a moving average of the network; the
    loss is InfoNCE of q against k and the K keys of the queue, to which each batch's keys are added
    after they were used. The head is one linear layer. Shuffle-BN and `logits_block` are as in
    `moco_v2`.

    Paper: https://arxiv.org/abs/1911.05722. Official code: facebookresearch/moco, moco/builder.py,
    which updates the teacher at the start of a step: the same numbers, since here it is updated at
    the end of the step before.
    """

    run: Run
    views: Views = Views.crops(
        count=2,
        crop_scale=(0.2, 1.0),
        flip=0.5,
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
        hue=0.4,
        jitter_prob=1.0,
        grey_prob=0.2,
    )
    temperature: float = 0.07
    momentum: float = 0.999
    queue_size: int = 65536
    projector_dim: int = 128
    logits_block: int = 0

    family: ClassVar[str] = "contrastive"
    paper: ClassVar[str] = "arXiv:1911.05722"
    keeps: ClassVar[tuple[str, ...]] = ("teacher", "queue")
    batch_coupled: ClassVar[bool] = True

    def __post_init__(self):
        require_positive(temperature=self.temperature)
        require_not_negative(logits_block=self.logits_block)
        require_share(momentum=self.momentum)
        self.views.require(self.run.inputs, count=2)
        require_queue(self.run, self.queue_size)

    @property
    def network(self) -> Chain:
        projector = MLP((), self.projector_dim, linear_init="torch", dtype=self.run.dtype)
        return Chain({"encoder": self.run.encoder, "projector": projector})

    def init_params(self, key, batch):
        return self.network.init(key, example(self.run.inputs))[0]

    def init_memory(self, key, params, batch):
        stats = self.network.init(key, example(self.run.inputs))[1]
        return first_memory(params, stats, key, rows=self.queue_size, dim=self.projector_dim)

    def loss(self, params, memory, batch, *, key, step):
        views_key, contrast_key = jax.random.split(key)
        views = self.views.stacked(self.run.inputs, views_key, batch)
        loss, carry = contrast(
            self.network,
            params,
            memory,
            views,
            temperature=self.temperature,
            block=self.logits_block,
            key=contrast_key,
        )
        return loss, Aux(metrics={}, carry=carry)

    def advance(self, params, memory, carry, *, step):
        return params, update_teacher(memory, params, carry, self.momentum)

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
