"""Several labels per example: a logistic regression for each, and the mean average precision.

One strength for all labels is chosen by mAP on a held-out part of train; the regressions are fitted
on all of train and scored on test once. The interval is over test examples, by the bootstrap.
Targets are a field "label" of uint8[K], 1 for each label that the example has.
"""

import dataclasses
from typing import Annotated

import numpy as np

from ssljax.evaluation.bootstrap import bootstrap
from ssljax.evaluation.labels import STRENGTHS, mean_average_precision, path
from ssljax.evaluation.protocols.base import PERCENT, Protocol, number
from ssljax.schema import NotEmpty, OpenShare, Positive


@dataclasses.dataclass(frozen=True)
class MultiLabel(Protocol):
    """Mean average precision of independent logistic regressions.

    Attributes:
      strengths: of the L2 penalty, tried on the held-out part
      holdout: part of train on which the strength is chosen
    """

    strengths: Annotated[tuple[Positive, ...], NotEmpty()] = STRENGTHS
    holdout: OpenShare = 0.2

    main = "mAP"

    def measure(self, subject):
        subject.require_targets("uint8")
        train, test = subject.features("train"), subject.features("test")
        mean, scale = train.features.mean(axis=0), train.features.std(axis=0)
        scale = np.where(scale > 1e-6 * (1e-30 + np.abs(mean)), scale, np.inf)
        x, asked = ((one.features - mean) / scale for one in (train, test))
        truth = train.labels.astype(bool)
        order = np.random.default_rng(subject.seed).permutation(len(x))
        held, kept = np.split(order, [max(1, round(self.holdout * len(order)))])
        strengths = sorted(self.strengths, reverse=True)
        tried = {
            strength: mean_average_precision(x[held] @ weights + bias, truth[held])
            for strength, (weights, bias) in zip(
                strengths, path(x[kept], truth[kept], strengths), strict=True
            )
        }
        best = max(tried, key=lambda strength: (tried[strength], strength))
        ((weights, bias),) = path(x, truth, [best])
        scores, right = asked @ weights + bias, test.labels.astype(bool)
        found = bootstrap(
            lambda at: {"mAP": mean_average_precision(scores[at], right[at])}, len(right)
        )
        value = mean_average_precision(scores, right)
        at_edge = len(tried) > 1 and best in (min(tried), max(tried))
        return {
            "numbers": {"mAP": number(value, unit=PERCENT, resamples=found["mAP"])},
            "l2": best,
            "tried": {f"{strength:g}": score for strength, score in tried.items()},
            "notes": [f"the best l2 {best:g} is the outermost one tried"] if at_edge else [],
        }
