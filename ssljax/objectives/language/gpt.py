"""GPT: predict every next word from those before it."""

import dataclasses

import jax.numpy as jnp

from ssljax.losses import causal_lm
from ssljax.losses.language import followed
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.language.masked_words import require_text, sums_of, vocabulary
from ssljax.objectives.masked.patches import mean_over
from ssljax.schema import Size


@dataclasses.dataclass(frozen=True)
class GPT(Objective):
    """Generative pre-training (Radford et al., 2018; GPT-2, 2019): causal LM.

    A causal transformer reads a text; the products of its tokens with the vectors of the ids are
    the scores of the next one. The loss is the mean cross entropy over all words of the batch that
    have a next one in their text, so that batches and micro-batches of any lengths agree. With
    `config.data.pack` rows hold several texts; none is predicted from another.

    Args (fields):
      logits_block: words of each text whose scores are in memory at a time, computed again for the
        gradient; 0 for all. Long contexts and large vocabularies need it.

    Paper: https://arxiv.org/abs/2005.14165 (Brown et al., 2020; arXiv:2005.14165 has the recipe of
    all sizes, the reports on GPT and GPT-2 are not on arXiv). Official code: openai/gpt-2,
    src/model.py, which is without training.
    """

    logits_block: Size = 0

    reads = ("text",)
    takes_ragged = True
    takes_packed = True
    paper = "arXiv:2005.14165"

    def check(self):
        require_text(self, causal=True)

    def loss(self, net, teacher, batch, *, key, step):
        loss, count = mean_over(*self._losses(net, batch[self.run.name]))
        return Loss(loss, weight=count)

    def outputs(self, params, state, batch):
        text = batch[self.run.name]
        losses, predicted = self._losses(self.evaluated(params, state), text)
        asked = sums_of(self.run.name, losses, jnp.roll(text.data, -1, axis=1), predicted)
        return super().outputs(params, state, batch) | asked

    def _losses(self, net, text):
        """Return the mean loss of each text [B], and which tokens have a next one [B, N]."""
        tokens = net.encoder(text).tokens
        options = {"segments": text.segments, "block": self.logits_block}
        losses = causal_lm(tokens, vocabulary(net), text.data, **options)
        return losses, followed(text.segments)
