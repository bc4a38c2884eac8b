"""BERT: predict hidden words, and whether one sentence follows another."""

import dataclasses

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import next_sentence
from ssljax.models import LinearHead, PooledTanh
from ssljax.objectives.base import Loss
from ssljax.objectives.language.masked_words import MaskedWords, share_right
from ssljax.ops.keys import per_example
from ssljax.ops.sentences import halves, join
from ssljax.spec import Value

SHORTEST = 8  # ids of a row: two sentences with three special tokens


@dataclasses.dataclass(frozen=True)
class BERT(MaskedWords):
    """Pre-training of deep bidirectional transformers (Devlin et al., 2018): masked LM and next
    sentence.

    A text `[CLS] x [SEP]` is cut at a random place into A and B; in half of the texts B is that of
    another text of the batch. The encoder reads `[CLS] A [SEP] B [SEP]` with the types 0 and 1. The
    loss is the mean over all predicted words of the batch plus the mean over all texts of whether B
    follows A, as tanh(linear) of the first token and two scores say; class 0 is "it does". A text
    of fewer than two words has no pair and does not count there.

    The two means are over different numbers of things, and B may be of another text: the gradients
    of micro-batches would not add up, so `accumulate` is refused. `encoder.grad_cache` saves memory
    instead.

    Paper: https://arxiv.org/abs/1810.04805. Official code: google-research/bert,
    create_pretraining_data.py and run_pretraining.py. There A and B are whole sentences, put
    together until a row is full, and B of another text is cut at either end; masks are drawn ten
    times in all. Here pairs and masks are new in every step.
    """

    batch_coupled = True
    smallest_batch = 2
    paper = "arXiv:1810.04805"

    def check(self):
        super().check()
        for role in ("cls", "sep"):
            self.run.field.special_id(role)
        if self.run.field.shape[0] < SHORTEST:
            raise UserError(
                f"config.data.length={self.run.field.shape[0]} leaves no room for two sentences; "
                f"it must be at least {SHORTEST}"
            )

    def modules(self):
        encoder = self.run.encoder
        dtype = self.run.dtype
        return {
            "encoder": encoder,
            "words": self.word_head(encoder),
            "pooler": PooledTanh(dtype=dtype),
            "sentences": LinearHead(2, std=0.02, dtype=dtype),
        }

    def run_once(self, net):
        tokens = net.encoder(self.blank()).tokens
        net.words(tokens)
        net.sentences(net.pooler(tokens[:, 0]))

    sentence_loss = staticmethod(next_sentence)

    def pairs(self, key, text, rows):
        """Return (pairs of sentences, bool[B] whether each is a false one, bool[B] which count)."""
        cut_key, pair_key = jax.random.split(key)
        first, second = halves(per_example(cut_key, rows), text.segments)
        ids, batch = jnp.asarray(text.data), len(text)

        def draw(key):
            false, other = jax.random.split(key)
            return jax.random.bernoulli(false), jax.random.randint(other, (), 1, batch)

        false, distance = jax.vmap(draw)(per_example(pair_key, rows))
        own = jnp.arange(batch)
        source = jnp.where(false, (own + distance) % batch, own)
        joined = self._joined(
            (ids, jnp.ones_like(first), first),
            (ids[source], 1 + first[source], second[source]),
        )
        return joined, false, (first > 0) & (second[source] > 0)

    def _joined(self, first, second):
        field = self.run.field
        return join(first, second, begin=field.special_id("cls"), end=field.special_id("sep"))

    def loss(self, net, teacher, batch, *, key, step):
        pair_key, word_key = (jax.random.fold_in(key, stream) for stream in (1, 2))
        joined, false, counted = self.pairs(pair_key, batch[self.run.name], batch["row"])
        made = self.hidden(word_key, joined.ids, joined.segments, batch["row"])
        types = joined.types if self.run.encoder.token_types else None
        tokens = net.encoder(Value(made.ids, joined.segments), types=types).tokens
        words, _ = self.word_loss(net, tokens, joined.ids, made)
        logits = net.sentences(net.pooler(tokens[:, 0]))
        losses = jnp.where(counted, self.sentence_loss(logits, false), 0)
        sentences = jnp.sum(losses) / jnp.maximum(jnp.sum(counted), 1)
        metrics = {
            "word_loss": words,
            "sentence_loss": sentences,
            "sentence_accuracy": share_right(logits, false, counted),
        }
        return Loss(words + sentences, metrics)
