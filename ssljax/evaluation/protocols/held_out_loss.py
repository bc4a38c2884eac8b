"""How well a language model predicts texts that it was not trained on: the loss of its tokens.

The objective gives, as an output "losses/NAME" of a field, two numbers for every text: the sum of
the losses of the tokens that it predicts, -log p in nats, and their number. A causal model
predicts every token that follows another, a masked one the words that are hidden of a text, always
the same ones. The two are not comparable: hidden words are told by both sides.
"""

import dataclasses
import math

import numpy as np

from ssljax.evaluation.bootstrap import bootstrap
from ssljax.evaluation.protocols.base import Protocol, number
from ssljax.evaluation.subject import NotMeasured

_LOSSES = "losses/"


@dataclasses.dataclass(frozen=True)
class HeldOutLoss(Protocol):
    """Mean loss of the predicted tokens of test, and its exponential, the perplexity.

    The interval is over texts, by the bootstrap. What unigrams and bigrams of the same tokens
    score, and how many bits a byte are, says `python -m benchmarks.text_baselines`.
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
        return {
            "numbers": {
                self.main: number(loss, better="lower", resamples=draws),
                "perplexity": perplexity,
            },
            "tokens": int(tokens),
            "texts": len(rows),
        }
