"""MoCo v3: a prediction of either view agrees with a teacher's key of the other, in the batch."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.losses import batch_info_nce
from ssljax.models import MLP, Chain
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.checks import require_not_negative, require_positive, require_share
from ssljax.objectives.siamese import ASYMMETRIC, each_view
from ssljax.objectives.views import Views, embed, example
from ssljax.ops.ema import ema
from ssljax.ops.schedule import cosine

TEACHER = ("encoder", "projector")  # the components that the teacher has


@dataclasses.dataclass(frozen=True)
class MoCoV3:
    """An empirical study of training self-supervised vision transformers (Chen et al., 2021).

    q = predictor(projector(encoder(view))), k = the teacher's projection; with
    ctr(q, k) = 2 t CE(q . k_all / t, its own key), the loss is ctr(q1, k2) + ctr(q2, k1). The other
    keys of the batch are the negatives: there is no queue. With `logits_block` above 0 the loss
    holds so many rows and columns of logits at a time.

    The teacher is a moving average, updated after the optimizer's step, with a momentum that rises
    along a cosine to 1; its batch statistics are its own. Vision transformers are stable with a
    random, fixed patch embedding: an optimizer rule with `frozen` (see the config).

    The heads of vision transformers are the default: a projector of three layers, and a BatchNorm
    at the end of projector and predictor. Those of ResNets have two layers each, t is 1, and the
    predictor ends in its linear layer (`predictor_norm` False).

    Paper: https://arxiv.org/abs/2104.02057. Official code: facebookresearch/moco-v3,
    moco/builder.py, which updates the teacher at the start of a step: here at the end of the step
    before, with the momentum of that one.
    """

    run: Run
    views: Views = ASYMMETRIC
    temperature: float = 0.2
    momentum: float = 0.99
    projector_hidden: tuple = (4096, 4096)
    projector_dim: int = 256
    predictor_hidden: tuple = (4096,)
    predictor_norm: bool = True  # whether the predictor ends in a BatchNorm
    logits_block: int = 0

    family: ClassVar[str] = "contrastive"
    paper: ClassVar[str] = "arXiv:2104.02057"
    keeps: ClassVar[tuple[str, ...]] = ("teacher",)
    batch_coupled: ClassVar[bool] = True
    smallest_batch: ClassVar[int] = 3

    def __post_init__(self):
        require_positive(temperature=self.temperature)
        require_not_negative(logits_block=self.logits_block)
        require_share(momentum=self.momentum)
        self.views.require(self.run.inputs, count=2)

    @property
    def network(self) -> Chain:
        return Chain(
            {
                "encoder": self.run.encoder,
                "projector": self._mlp(self.projector_hidden, "plain"),
                "predictor": self._mlp(
                    self.predictor_hidden, "plain" if self.predictor_norm else "none"
                ),
            }
        )

    def _mlp(self, hidden: tuple, output_norm: str) -> MLP:
        return MLP(
            hidden,
            self.projector_dim,
            output_norm=output_norm,
            output_bias=False,
            linear_init="torch",
            dtype=self.run.dtype,
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
        views_key, model_key, teacher_key = jax.random.split(key, 3)
        views = self.views.stacked(self.run.inputs, views_key, batch)
        (q1, q2), stats = each_view(self.network, params, memory["stats"], views, model_key)
        keys, teacher_stats = each_view(
            self.network, memory["teacher"], memory["teacher_stats"], views, teacher_key, TEACHER
        )
        k1, k2 = jax.lax.stop_gradient(keys)
        loss = jnp.mean(self._contrast(q1, k2) + self._contrast(q2, k1))
        return loss, Aux(metrics={}, carry={"stats": stats, "teacher_stats": teacher_stats})

    def _contrast(self, q, k):
        # 2 t keeps the size of the gradient as t changes.
        losses = batch_info_nce(q, k, temperature=self.temperature, block=self.logits_block)
        return 2 * self.temperature * losses

    def advance(self, params, memory, carry, *, step):
        momentum = cosine(step, start=self.momentum, end=1.0, steps=self.run.steps)
        online = {name: params[name] for name in TEACHER}
        return params, {**carry, "teacher": ema(memory["teacher"], online, momentum)}

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
