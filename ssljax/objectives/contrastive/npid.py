"""NPID: every example is a class of its own, its vector of the last epoch kept in a memory bank."""

import dataclasses
import math

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import noise_contrastive, non_parametric_softmax
from ssljax.models import MLP
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.presets import WEAK
from ssljax.objectives.views import Views
from ssljax.ops.memory_bank import write_rows
from ssljax.ops.normalize import l2_normalize
from ssljax.schema import CountOrNone, Decay, Size, Temperature, Width


@dataclasses.dataclass(frozen=True)
class NPID(Objective):
    """Unsupervised feature learning via non-parametric instance discrimination (Wu et al., 2018).

    v = projector(encoder(view)), of unit length, is to be told by the vectors of all n examples in
    a memory bank, P(i | v) = exp(v_i . v / t) / Z, by noise-contrastive estimation with m vectors
    drawn from the bank. Then v_i moves to v with the momentum of the bank. Z is estimated in the
    first step, from positives and noise, and kept.

    With `negatives` = 0 nothing is estimated: Z is the sum over the whole bank, B x n logits in a
    step, in blocks where `logits_block` is set. It serves a small set better: there all vectors
    soon have moved, and the Z of the first step, when they are random, no longer fits (with 3,020
    drawings the loss diverges).

    Paper: https://arxiv.org/abs/1805.01978. Official code: zhirongw/lemniscate.pytorch,
    lib/NCEAverage.py, lib/LinearAverage.py (`--nce-k 0`). It draws m noise vectors for each
    example; here the batch shares them: the same in expectation, and the bank is read at B + m rows
    in place of B (m + 1). Like the code, this is without the paper's proximal term.
    """

    views: Views = Views.crops(crop_scale=(0.2, 1.0), **(WEAK | {"hue": 0.4, "jitter_prob": 1.0}))
    temperature: Temperature = 0.07
    negatives: CountOrNone = 4096
    bank_momentum: Decay = 0.5
    projector_dim: Width = 128
    logits_block: Size = 0

    paper = "arXiv:1805.01978"
    batch_coupled = True

    def check(self):
        self.views.require(count=1)
        if self.negatives and self.logits_block:
            raise UserError(
                f"objective.logits_block={self.logits_block}: blocks are of the softmax over the "
                f"whole bank, objective.negatives=0; with negatives={self.negatives} set it to 0"
            )

    def modules(self):
        projector = MLP((), self.projector_dim, linear_init="torch", dtype=self.run.dtype)
        return {"encoder": self.run.encoder, "projector": projector}

    def memory(self, key):
        rows = (self.run.spec.num_examples, self.projector_dim)
        memory = {"bank": l2_normalize(jax.random.normal(key, rows))}
        return memory | ({"log_normalizer": jnp.zeros(())} if self.negatives else {})

    def loss(self, net, teacher, batch, *, key, step):
        v = net.projector(net.encoder(self.views.stacked(key, batch)[:, 0]).pooled)
        ids, bank = batch["id"], net.state["bank"]
        if self.negatives:
            losses, carry = self._by_noise(v, ids, net.state, key, step)
        else:
            losses = non_parametric_softmax(
                v, ids, bank, temperature=self.temperature, block=self.logits_block
            )
            carry = {}
        moved = self.bank_momentum * bank[ids] + (1 - self.bank_momentum) * l2_normalize(v)
        bank = write_rows(bank, ids, l2_normalize(jax.lax.stop_gradient(moved)))
        return Loss(jnp.mean(losses), carry={"bank": bank} | carry)

    def _by_noise(self, v, ids, state, key, step):
        """Return the losses against noise drawn from the bank, and the log of Z to be kept."""
        bank, count = state["bank"], self.run.spec.num_examples
        drawn = jax.random.randint(jax.random.split(key)[1], (self.negatives,), 0, count)
        positive, noise = bank[ids], bank[drawn]
        log_normalizer = jax.lax.cond(
            step == 0,
            lambda: self._log_normalizer(jax.lax.stop_gradient(v), positive, noise),
            lambda: state["log_normalizer"],
        )
        losses = noise_contrastive(
            v,
            positive,
            noise,
            temperature=self.temperature,
            log_normalizer=log_normalizer,
            examples=count,
        )
        return losses, {"log_normalizer": log_normalizer}

    def _log_normalizer(self, v, positive, noise):
        """Return the log of Z, n times the mean of exp(v . v_i / t) over positives and noise."""
        v = l2_normalize(v)
        logits = jnp.concatenate(
            [jnp.sum(v * positive, axis=1, keepdims=True), v @ noise.T], axis=1
        )
        total = jax.nn.logsumexp(logits / self.temperature)
        return total + math.log(self.run.spec.num_examples / logits.size)
