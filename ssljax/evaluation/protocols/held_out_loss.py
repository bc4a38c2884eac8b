"""How well a language model predicts texts that it was not trained on: the loss of its tokens.

The objective gives, as an output "losses/NAME" of a field, two numbers for every text: the sum of
the losses of the tokens that it predicts, -log p in nats, and their number. A causal model
predicts every token that follows another, a masked one the words that are hidden of a text, always
the same ones. The two are not comparable: hidden words are told by both sides.

Beside it stands the loss of the same tokens by their frequency in train, p(w) = (n_w + 1) / (N + V)
with N tokens and V ids. Special tokens that the model never predicts do not count.
"""

import dataclasses
import math

import numpy as np

from ssljax.evaluation.bootstrap import bootstrap
from ssljax.evaluation.protocols.base import Protocol, number
from ssljax.evaluation.spectrum import evenly
from ssljax.evaluation.subject import NotMeasured

_LOSSES = "losses/"
UNIGRAMS = "unigrams, nats per token"
TEXTS = 50_000  # of train, evenly spaced, that words are counted in


@dataclasses.dataclass(frozen=True)
class HeldOutLoss(Protocol):
    """Mean loss of the predicted tokens of test, and its exponential, the perplexity.

    The interval is over texts, by the bootstrap. What bigrams score, and how many bits a byte are,
    says `python -m benchmarks.ngrams`.
    """

    main = "nats per token"

    def measure(self, subject):
        found = [output for output in subject.outputs if output.startswith(_LOSSES)]
        if not found:
            raise NotMeasured(
                f"{subject.row.replace('_', ' ')} predicts no words; gpt and the masked language "
                "models do"
            )
        if "test" not in subject.examples.counts:
            raise NotMeasured("it needs a test split")
        rows = subject.features("test", found[0]).features.astype(np.float64)
        tokens = rows[:, 1].sum()
        if not tokens:
            raise NotMeasured("no token of test is predicted")

        def score(texts):
            loss, count = rows[texts].sum(axis=0)
            return {self.main: loss / max(count, 1)}

        loss = rows[:, 0].sum() / tokens
        draws = bootstrap(score, len(rows))[self.main]
        perplexity = number(math.exp(min(loss, 700)), better="lower")
        unigrams, shown = self._unigrams(subject, subject.field_of(found[0]))
        return {
            "numbers": {
                self.main: number(loss, better="lower", resamples=draws),
                "perplexity": perplexity,
                UNIGRAMS: number(unigrams, better=""),
            },
            "tokens": int(tokens),
            "texts": len(rows),
            "notes": [f"{tokens / shown:.1%} of {shown:,} tokens of test are predicted"],
        }

    def _unigrams(self, subject, name: str) -> tuple[float, int]:
        """Return the loss of unigrams, and the number of all tokens of test."""
        asked = subject.features("test", f"predicted/{name}").features.astype(np.int64)
        field = subject.fields[name]
        asked = np.bincount(asked[asked >= 0], minlength=field.vocab)
        chosen = evenly(np.arange(subject.examples.counts["train"]), TEXTS)
        known = _counts(subject, "train", name, field.vocab, chosen)
        for token in dict(field.special).values():
            known[token] *= asked[token] > 0
        loss = -np.log((known + 1) / (known.sum() + field.vocab))
        shown = _counts(subject, "test", name, field.vocab)
        return float(asked @ loss / asked.sum()), int(shown.sum())


def _counts(subject, part: str, name: str, vocab: int, order: np.ndarray | None = None):
    """Return how often each id occurs in the texts of a part, as evaluation cuts them."""
    found = np.zeros(vocab, np.int64)
    for batch in subject.examples.read(part, order=order, also=(name,)):
        text = batch[name]
        there = (np.asarray(text.segments) > 0) & batch["valid"][:, None]
        found += np.bincount(np.asarray(text.data)[there], minlength=vocab)
    return found
