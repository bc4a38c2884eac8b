"""CTC: the letters of what is said, from a linear head on the times of an encoder."""

import dataclasses

import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import ctc
from ssljax.modalities import modality_of
from ssljax.models import LinearHead
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.views import Views, plain
from ssljax.schema import CountOrNone, Decay, Positive
from ssljax.spec import target_kind


@dataclasses.dataclass(frozen=True)
class CTC(Objective):
    """Connectionist temporal classification, as wav2vec 2.0 is fine-tuned (Baevski et al., 2020).

    A linear head gives scores of a blank and of each letter at each time of the encoder; patches of
    a spectrogram at one time are averaged. The loss is the sum of `ssljax.losses.ctc` over the
    batch, divided by its letters, as in fairseq. An example without letters counts nothing; one
    with more letters than times has loss 0, and is refused if no example could have so many.

    Attributes:
      views: one view of each example, by default as it is.
      head_std: standard deviation of the head's kernel at the start.
      head_dropout: share of what the head reads that is hidden in training.
      beam: width of a beam search, whose error rate is scored beside the greedy one; 0: none.
      run: see `Objective`.

    Paper: https://arxiv.org/abs/2006.11477 (section 3.3; Graves et al. 2006 for CTC).
    Official code: facebookresearch/fairseq, fairseq/criterions/ctc.py, fairseq/models/wav2vec/
    wav2vec2_asr.py, which masks times and channels of the features in training.
    """

    views: Views = Views.crops()
    head_std: Positive = 0.01
    head_dropout: Decay = 0.0
    beam: CountOrNone = 0

    reads = ("audio", "series")
    paper = "arXiv:2006.11477"
    predicts = "logits"

    def check(self):
        self.views.require(count=1)
        label = self.run.spec.fields.get("label")
        if label is None or target_kind(label) != "letters":
            raise UserError(
                "config.objective.name='ctc' learns letters, and the batches have none; set "
                "config.data.labels='letters' with data whose classes are words"
            )
        if label.shape[0] > self.grid[0]:
            raise UserError(
                f"config.objective.name='ctc': words of {label.shape[0]} letters need as many "
                f"times, and config.encoder makes {self.grid[0]}; give longer views, or an encoder "
                "of shorter steps"
            )

    @property
    def grid(self):
        """Times of a view, and patches at each of them."""
        grid = modality_of(self.run.field).grid(self.run.field, self.run.encoder, self.views.size)
        return (grid[0], 1) if len(grid) == 1 else grid

    def modules(self):
        letters = self.run.spec.fields["label"].vocab
        head = LinearHead(
            letters + 1, std=self.head_std, dropout=self.head_dropout, dtype=self.run.dtype
        )
        return {"encoder": self.run.encoder, "head": head}

    def run_once(self, net):
        net.head(net.encoder(self.blank()).tokens)

    def loss(self, net, teacher, batch, *, key, step):
        x = self.views.stacked(key, batch)[:, 0]
        logits = self._scores(net, net.encoder(x))
        labels = batch["label"]
        count = jnp.sum(labels >= 0, dtype=jnp.float32)
        losses = jnp.where((labels >= 0).any(axis=1), ctc(logits, labels), 0)
        return Loss(jnp.sum(losses) / jnp.maximum(count, 1), weight=count)

    def _scores(self, net, encoded):
        tokens = encoded.tokens
        if self.grid[1] > 1:
            tokens = tokens.reshape(len(tokens), -1, self.grid[1], tokens.shape[-1]).mean(axis=2)
        return net.head(tokens)

    def outputs(self, params, state, batch):
        """Return the features and tokens of `Objective.outputs`, and the scores of letters.

        Returns:
          "logits" besides: float32 [B, N, K + 1], of the blank, then of each letter.
        """
        net = self.evaluated(params, state)
        encoded = net.encoder(plain(batch[self.run.name], self.run.field))
        return {
            self.run.name: encoded.pooled,
            f"tokens/{self.run.name}": encoded.tokens,
            "logits": self._scores(net, encoded).astype(jnp.float32),
        }
