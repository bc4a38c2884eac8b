"""GE2E: utterances of a speaker have one place, those of others another; supervised by speaker."""

import dataclasses
import math
from typing import Literal

import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import counted, ge2e
from ssljax.models import MLP, Scalar
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.views import Views, plain
from ssljax.schema import Positive, Width
from ssljax.spec import target_kind


@dataclasses.dataclass(frozen=True)
class GE2E(Objective):
    """Generalized end-to-end loss for speaker verification (Wan et al., 2018).

    It is supervised: labels are the speakers, as config.data.labels = "group" gives them, and
    config.data.per_label puts several utterances of each into a batch. The embedding of an
    utterance is a linear map of the encoder's features. Its cosine with the centroid of its speaker
    is to be larger than with those of the others, times w plus b, both learned; w = exp(t) is above
    0 whatever t is. Utterances whose speaker has no other in the batch do not count.

    The paper has an LSTM of log-mel frames and scales the gradient of w and b by .01; here they
    learn as the rest, t in place of w.

    Attributes:
      views: one view of each utterance.
      embedding_dim: of the embeddings, which are the output "embedding/NAME".
      variant: "softmax" or "contrast", see `ssljax.losses.ge2e`.
      scale: w at the start.
      bias: b at the start.
      run: see `Objective`.

    Paper: https://arxiv.org/abs/1710.10467. Official code: there is none.
    """

    views: Views = Views.crops()
    embedding_dim: Width = 256
    variant: Literal["softmax", "contrast"] = "softmax"
    scale: Positive = 10.0
    bias: float = -5.0

    reads = ("audio",)
    paper = "arXiv:1710.10467"
    batch_coupled = True
    smallest_batch = 4

    def check(self):
        self.views.require(count=1)
        label = self.run.spec.fields.get("label")
        if label is None or target_kind(label) != "class":
            raise UserError(
                "config.objective.name='ge2e' learns from speakers, and the batches have no "
                "classes; set config.data.labels='group' and config.data.per_label, or "
                "config.data.labels=True where the speakers are the labels"
            )

    def modules(self):
        projector = MLP((), self.embedding_dim, dtype=self.run.dtype)
        scalars = {"scale": Scalar(math.log(self.scale)), "bias": Scalar(self.bias)}
        return {"encoder": self.run.encoder, "projector": projector, **scalars}

    def run_once(self, net):
        net.projector(net.encoder(self.blank()).pooled)
        net.scale()
        net.bias()

    def loss(self, net, teacher, batch, *, key, step):
        x = self.views.stacked(key, batch)[:, 0]
        scale = jnp.exp(net.scale())
        losses = ge2e(
            net.projector(net.encoder(x).pooled),
            batch["label"],
            scale=scale,
            bias=net.bias(),
            variant=self.variant,
        )
        some = counted(batch["label"])
        loss = jnp.sum(losses) / jnp.maximum(jnp.sum(some), 1)
        return Loss(loss, {"scale": scale, "counted": jnp.mean(some, dtype=jnp.float32)})

    def outputs(self, params, state, batch):
        """Return the features and tokens of `Objective.outputs`, and the embeddings [B, D]."""
        net = self.evaluated(params, state)
        encoded = net.encoder(plain(batch[self.run.name], self.run.field))
        return {
            self.run.name: encoded.pooled,
            f"tokens/{self.run.name}": encoded.tokens,
            f"embedding/{self.run.name}": net.projector(encoded.pooled),
        }
