"""The shift between groups: how much accuracy is lost on persons, makers or sites never seen.

All labelled examples, of train and of test, are split anew: each group is held out once, a probe is
fitted on all the others (its regularisation selected on a part of them) and scored on it. Beside it
stands the same with random parts of the same sizes, whose examples have others of their groups in
train. What lies between the two is the shift. Pretraining may have seen examples of the held-out
group, without labels.
"""

import dataclasses
from typing import Annotated

import numpy as np

from ssljax.evaluation.intervals import paired_difference
from ssljax.evaluation.protocols.base import PERCENT, Protocol, number, rate
from ssljax.evaluation.protocols.probes import Probe, fitted
from ssljax.evaluation.subject import NotMeasured
from ssljax.schema import AtLeast, AtMost

_MOST_NAMED = 100


@dataclasses.dataclass(frozen=True)
class Shift(Protocol):
    """Accuracy on groups that the probe was not fitted on, beside random parts of the same size.

    Attributes:
      probe: "linear" or "knn"
      parts: at most so many; where there are more groups, several are held out together
    """

    probe: Probe = "linear"
    parts: Annotated[int, AtLeast(2), AtMost(1000)] = 10

    main = "accuracy, unseen groups"

    def measure(self, subject):
        subject.require_labels()
        both = [subject.features(part) for part in ("train", "test")]
        groups = [subject.examples.groups(part) for part in ("train", "test")]
        if any(one is None for one in groups):
            raise NotMeasured(
                "the data do not say who or what their examples are of ('group' in npz files, "
                "folders within those of classes)"
            )
        names, group = np.unique(np.concatenate(groups), return_inverse=True)
        if len(names) < 2:
            raise NotMeasured("all examples are of one group")
        features = np.concatenate([one.features for one in both])
        labels = np.concatenate([one.labels for one in both])
        part = parts_of(group, self.parts)
        mixed = np.random.default_rng(0).permutation(part)  # not the run's seed: all see the same
        unseen, usual = (
            self._right(features, labels, one, seed=subject.seed) for one in (part, mixed)
        )
        difference, interval = paired_difference(usual, unseen)
        numbers = {
            self.main: rate(unseen),
            "accuracy, random parts": rate(usual),
            "drop": number(difference, interval, unit=PERCENT, better="lower"),
        }
        of_groups = [float(unseen[group == one].mean()) for one in range(len(names))]
        found = {"groups": len(names), "parts": int(part.max()) + 1}
        if len(names) <= _MOST_NAMED:
            found["accuracies"] = dict(zip(map(str, names.tolist()), of_groups, strict=True))
        return {"numbers": numbers, "worst_group": min(of_groups), **found}

    def _right(self, features, labels, part, *, seed: int) -> np.ndarray:
        """Return bool[n], whether each example is right by the probe fitted on the other parts."""
        right = np.zeros(len(labels), bool)
        for one in range(part.max() + 1):
            held = part == one
            if len(np.unique(labels[~held])) < 2:
                continue  # nothing can be learned of one class; all count as errors
            predict, _ = fitted(self.probe, features[~held], labels[~held], seed=seed)
            right[held] = predict(features[held]) == labels[held]
        return right


def parts_of(group: np.ndarray, most: int) -> np.ndarray:
    """Return int[n], the number of the part of each example; every group is whole in one.

    The largest group goes first, each to the part that is smallest by then, as scikit-learn's
    GroupKFold does; each is a part of its own where there are no more than `most`.

    Args:
      group: int[n], numbered from 0.
      most: parts.
    """
    sizes = np.bincount(group)
    filled = np.zeros(min(most, len(sizes)), int)
    part = np.zeros(len(sizes), int)
    for one in np.argsort(-sizes, kind="stable"):
        part[one] = int(np.argmin(filled))
        filled[part[one]] += sizes[one]
    return part[group]
