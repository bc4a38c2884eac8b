"""MoCo v3: a prediction of either view agrees with a teacher's key of the other, in the batch."""

import dataclasses

import jax
import jax.numpy as jnp

from ssljax.losses import batch_info_nce
from ssljax.models import MLP
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.views import Views
from ssljax.schema import Share, Size, Temperature, Width, Widths


@dataclasses.dataclass(frozen=True)
class MoCoV3(Objective):
    """An empirical study of training self-supervised vision transformers (Chen et al., 2021).

    q = predictor(projector(encoder(view))), k = the teacher's projection; with
    ctr(q, k) = 2 t CE(q . k_all / t, its own key), the loss is ctr(q1, k2) + ctr(q2, k1). The other
    keys of the batch are the negatives: there is no queue. With `logits_block` above 0 the loss
    holds so many rows and columns of logits at a time.

    The teacher is a moving average, updated after the optimizer's step, with a momentum that rises
    along a cosine to 1; its batch statistics are its own. Vision transformers are stable with a
    random, fixed patch embedding: a parameter group with `frozen` (see the config).

    The heads of vision transformers are the default: a projector of three layers, and a BatchNorm
    at the end of projector and predictor. Those of ResNets have two layers each, t is 1, and the
    predictor ends in its linear layer (`predictor_norm` False).

    Paper: https://arxiv.org/abs/2104.02057. Official code: facebookresearch/moco-v3,
    moco/builder.py, which updates the teacher at the start of a step: here at the end of the step
    before, with the momentum of that one.
    """

    views: Views = Views("moco_v3")
    temperature: Temperature = 0.2
    momentum: Share = 0.99
    projector_hidden: Widths = (4096, 4096)
    projector_dim: Width = 256
    predictor_hidden: Widths = (4096,)
    predictor_norm: bool = True  # whether the predictor ends in a BatchNorm
    logits_block: Size = 0

    teacher = ("encoder", "projector")
    takes_ragged = True
    paper = "arXiv:2104.02057"
    batch_coupled = True
    smallest_batch = 3

    def check(self):
        self.views.require(count=2)

    def modules(self):
        head = {"output_bias": False, "linear_init": "torch", "dtype": self.run.dtype}
        last = "plain" if self.predictor_norm else "none"
        projector = MLP(self.projector_hidden, self.projector_dim, output_norm="plain", **head)
        predictor = MLP(self.predictor_hidden, self.projector_dim, output_norm=last, **head)
        return {"encoder": self.run.encoder, "projector": projector, "predictor": predictor}

    def loss(self, net, teacher, batch, *, key, step):
        views = self.views.stacked(key, batch)
        x1, x2 = views[:, 0], views[:, 1]
        q1, q2 = (net.predictor(net.projector(net.encoder(x).pooled)) for x in (x1, x2))
        keys = [teacher.projector(teacher.encoder(x).pooled) for x in (x1, x2)]
        k1, k2 = jax.lax.stop_gradient(keys)
        return Loss(jnp.mean(self._contrast(q1, k2) + self._contrast(q2, k1)))

    def _contrast(self, q, k):
        # 2 t keeps the size of the gradient as t changes.
        losses = batch_info_nce(q, k, temperature=self.temperature, block=self.logits_block)
        return 2 * self.temperature * losses
