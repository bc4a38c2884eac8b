"""Ridge regression of numbers on the features: R2, mean squared error, Spearman's correlation.

The strength is chosen by the squared error on a held-out part of train, targets in units of their
deviation; the regression is fitted on all of train and scored on test once. The interval is over
test examples, by the bootstrap. Targets are a field "label" of float32[K].
"""

import dataclasses
from typing import Annotated

import numpy as np

from ssljax.evaluation.bootstrap import bootstrap
from ssljax.evaluation.protocols.base import Protocol, number
from ssljax.evaluation.ridge import STRENGTHS, path, scores
from ssljax.schema import NotEmpty, OpenShare, Positive


@dataclasses.dataclass(frozen=True)
class RidgeRegression(Protocol):
    """Linear regression with an L2 penalty.

    Attributes:
      strengths: of the penalty, tried on the held-out part
      holdout: part of train on which the strength is chosen
    """

    strengths: Annotated[tuple[Positive, ...], NotEmpty()] = STRENGTHS
    holdout: OpenShare = 0.2

    main = "R2"

    def measure(self, subject):
        subject.require_targets("float32")
        train, test = subject.features("train"), subject.features("test")
        targets = train.labels.astype(np.float64)
        deviation = targets.std(axis=0)
        unit = targets / np.where(deviation > 0, deviation, 1)
        order = np.random.default_rng(subject.seed).permutation(len(unit))
        held, kept = np.split(order, [max(1, round(self.holdout * len(order)))])
        tried = {
            strength: float(np.mean((one.predict(train.features[held]) - unit[held]) ** 2))
            for strength, one in zip(
                self.strengths, path(train.features[kept], unit[kept], self.strengths), strict=True
            )
        }
        best = min(tried, key=lambda strength: (tried[strength], -strength))
        (fitted,) = path(train.features, targets, [best])
        predicted = fitted.predict(test.features)
        found = scores(predicted, test.labels)
        resampled = bootstrap(lambda at: scores(predicted[at], test.labels[at]), len(predicted))
        better = {"MSE": "lower"}
        numbers = {
            name: number(value, better=better.get(name, "higher"), resamples=resampled[name])
            for name, value in found.items()
        }
        at_edge = len(tried) > 1 and best in (min(tried), max(tried))
        notes = [f"the best strength {best:g} is the outermost one tried"] if at_edge else []
        return {
            "numbers": numbers,
            "strength": best,
            "tried": {f"{strength:g}": error for strength, error in tried.items()},
            "notes": notes,
        }
