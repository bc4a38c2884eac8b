"""The linear probe with few labels: so many of each class, or a part of all, drawn several times.

Every encoder sees the same draws. The interval is over draws: which examples were labelled matters
more than which were tested. The regularisation is chosen by cross-validation within each draw; with
one example of each class nothing can be held out, and it is the strongest.
"""

import dataclasses
from typing import Annotated

import numpy as np

from ssljax.evaluation.few_labels import draw, draw_per_class, probes_of_draws
from ssljax.evaluation.protocols.base import PERCENT, Protocol, number
from ssljax.schema import AtLeast, AtMost, Count, Part


@dataclasses.dataclass(frozen=True)
class FewShot(Protocol):
    """Accuracy of logistic regression on few labelled examples, the mean over draws.

    Attributes:
      per_class: labelled examples of each class; a smaller class gives all that it has
      parts: of the training examples, each class by its share
      draws: how often the labelled examples are drawn
    """

    per_class: tuple[Count, ...] = (1, 2, 5, 10)
    parts: tuple[Part, ...] = (0.01, 0.1)
    draws: Annotated[int, AtLeast(2), AtMost(1000)] = 5

    main = "accuracy, 1 per class"

    def measure(self, subject):
        subject.require_labels()
        train, test = subject.features("train"), subject.features("test")
        seeds = range(self.draws)  # not the run's: runs of several seeds see the same draws
        numbers, found, notes = {}, {}, []
        for name, chosen in self._draws(train.labels, seeds, notes).items():
            scores = probes_of_draws(
                train.features, train.labels, test.features, test.labels, chosen, seeds=seeds
            )
            draws = scores["accuracies"]
            numbers[name] = number(
                scores["accuracy"], scores["interval"], unit=PERCENT, draws=draws
            )
            found[name] = {"labels": len(chosen[0]), "l2": scores["l2"]}
        return {"numbers": numbers, "draws": found, "notes": notes}

    def _draws(self, labels, seeds, notes) -> dict[str, list[np.ndarray]]:
        """Return the drawn positions by the name of the number that they give."""
        classes = len(np.unique(labels))
        draws = {
            f"accuracy, {count} per class": [draw_per_class(labels, count, one) for one in seeds]
            for count in self.per_class
        }
        for part in self.parts:
            count = round(part * len(labels))
            if count < classes:
                notes.append(f"{part:.3g} of train are {count} examples, fewer than classes")
            else:
                draws[f"accuracy, {100 * part:.3g}% of train"] = [
                    draw(labels, count, one) for one in seeds
                ]
        return draws
