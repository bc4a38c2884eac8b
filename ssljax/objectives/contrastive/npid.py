"""NPID: every image is a class of its own, its vector of the last epoch kept in a memory bank."""

import dataclasses
import math
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import noise_contrastive
from ssljax.models import MLP, Chain
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.checks import require_positive
from ssljax.objectives.views import Views, embed, example
from ssljax.ops.memory_bank import write_rows
from ssljax.ops.normalize import l2_normalize


@dataclasses.dataclass(frozen=True)
class NPID:
    """Unsupervised feature learning via non-parametric instance discrimination (Wu et al., 2018).

    v = projector(encoder(view)), of unit length, is to be told by the vectors of all n images in a
    memory bank, P(i | v) = exp(v_i . v / t) / Z, by noise-contrastive estimation with m vectors
    drawn from the bank. Then v_i moves to v with the momentum of the bank. Z is estimated in the
    first step, from positives and noise, and kept.

    Paper: https://arxiv.org/abs/1805.01978. Official code: zhirongw/lemniscate.pytorch,
    lib/NCEAverage.py. It draws m noise vectors for each example; here the batch shares them: the
    same in expectation, and the bank is read at B + m rows in place of B (m + 1). Like the code,
    this is without the paper's proximal term.
    """

    run: Run
    views: Views = Views.crops(
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
    negatives: int = 4096
    bank_momentum: float = 0.5
    projector_dim: int = 128

    family: ClassVar[str] = "contrastive"
    paper: ClassVar[str] = "arXiv:1805.01978"
    keeps: ClassVar[tuple[str, ...]] = ("bank", "log_normalizer")
    batch_coupled: ClassVar[bool] = True

    def __post_init__(self):
        require_positive(temperature=self.temperature)
        self.views.require(self.run.inputs, count=1)
        if self.negatives <= 0:
            raise UserError(f"objective.negatives={self.negatives}: it must be at least 1")
        if not 0 <= self.bank_momentum < 1:
            raise UserError(f"objective.bank_momentum={self.bank_momentum}: it must be in [0, 1)")

    @property
    def network(self) -> Chain:
        projector = MLP((), self.projector_dim, linear_init="torch", dtype=self.run.dtype)
        return Chain({"encoder": self.run.encoder, "projector": projector})

    def init_params(self, key, batch):
        return self.network.init(key, example(self.run.inputs))[0]

    def init_memory(self, key, params, batch):
        rows = (self.run.inputs.num_examples, self.projector_dim)
        return {
            "stats": self.network.init(key, example(self.run.inputs))[1],
            "bank": l2_normalize(jax.random.normal(key, rows)),
            "log_normalizer": jnp.zeros(()),
        }

    def loss(self, params, memory, batch, *, key, step):
        views_key, noise_key, model_key = jax.random.split(key, 3)
        images = self.views.stacked(self.run.inputs, views_key, batch)[:, 0]
        v, stats = self.network.apply(params, memory["stats"], images, train=True, key=model_key)
        count = self.run.inputs.num_examples
        positive = memory["bank"][batch["id"]]
        noise = memory["bank"][jax.random.randint(noise_key, (self.negatives,), 0, count)]
        log_normalizer = jax.lax.cond(
            step == 0,
            lambda: self._log_normalizer(jax.lax.stop_gradient(v), positive, noise),
            lambda: memory["log_normalizer"],
        )
        losses = noise_contrastive(
            v,
            positive,
            noise,
            temperature=self.temperature,
            log_normalizer=log_normalizer,
            examples=count,
        )
        carry = {"stats": stats, "log_normalizer": log_normalizer, "ids": batch["id"], "vectors": v}
        return jnp.mean(losses), Aux(metrics={}, carry=jax.lax.stop_gradient(carry))

    def _log_normalizer(self, v, positive, noise):
        """Return the log of Z, n times the mean of exp(v . v_i / t) over positives and noise."""
        v = l2_normalize(v)
        logits = jnp.concatenate(
            [jnp.sum(v * positive, axis=1, keepdims=True), v @ noise.T], axis=1
        )
        total = jax.nn.logsumexp(logits / self.temperature)
        return total + math.log(self.run.inputs.num_examples / logits.size)

    def advance(self, params, memory, carry, *, step):
        old, new = memory["bank"][carry["ids"]], l2_normalize(carry["vectors"])
        moved = self.bank_momentum * old + (1 - self.bank_momentum) * new
        return params, {
            "stats": carry["stats"],
            "bank": write_rows(memory["bank"], carry["ids"], l2_normalize(moved)),
            "log_normalizer": carry["log_normalizer"],
        }

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], memory["stats"]["encoder"], batch)
