"""Verification: whether two test examples are of the same speaker (or of any group), by cosine.

A trial is a pair of test examples. The equal error rate is the error at the threshold of the cosine
where as large a share of the trials of one speaker is refused as is accepted of those of two. It is
50% by chance. Half of the trials are of one speaker, each drawn without replacement, or all there
are; they are the same for every run and every row of the table. The interval is over resampled
examples, so that trials that share one are not taken for independent; speakers stay as they are.
"""

import dataclasses

import numpy as np

from ssljax.evaluation.bootstrap import bootstrap
from ssljax.evaluation.protocols.base import PERCENT, Protocol, number
from ssljax.evaluation.subject import NotMeasured
from ssljax.schema import Count


@dataclasses.dataclass(frozen=True)
class Verification(Protocol):
    """The equal error rate (EER) over pairs of test examples.

    Attributes:
      trials: at most so many pairs, half of them of one speaker
      center: whether the mean of the training features is subtracted first

    Reference: Martin et al., The DET curve in assessment of detection task performance (1997).
    """

    trials: Count = 10_000
    center: bool = True

    main = "EER"

    def measure(self, subject):
        if "test" not in subject.examples.counts:
            raise NotMeasured("it needs a test split")
        groups = subject.examples.groups("test")
        if groups is None:
            raise NotMeasured(
                "the data do not say of whom the test examples are ('group' in npz files, "
                "'?group=' of audio:PATH, folders within those of classes)"
            )
        names, group = np.unique(groups, return_inverse=True)
        one, two, same = trials_of(group, self.trials)
        if not same.any() or same.all():
            raise NotMeasured(
                f"trials of one speaker and of two need two speakers, one with two examples; the "
                f"test split has {len(group)} examples of {len(names)}"
            )
        features = np.asarray(subject.features("test").features, np.float64)
        if self.center:
            features = features - subject.features("train").features.mean(axis=0)
        length = np.linalg.norm(features, axis=1, keepdims=True)
        unit = features / np.where(length > 0, length, 1)
        scores = np.sum(unit[one] * unit[two], axis=1)

        def resampled(rows):
            times = np.bincount(rows, minlength=len(group)).astype(np.float64)
            return {"EER": equal_error_rate(scores, same, times[one] * times[two])}

        draws = bootstrap(resampled, len(group))["EER"]
        value = equal_error_rate(scores, same)
        found = number(value, unit=PERCENT, better="lower", resamples=draws)
        note = (
            f"{int(same.sum()):,} trials of one and {int((~same).sum()):,} of two of "
            f"{len(names)} speakers; chance 50%"
        )
        return {"numbers": {self.main: found}, "speakers": len(names), "notes": [note]}


def trials_of(group: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the trials: examples int[n] and int[n], and whether they are of one group, bool[n].

    Args:
      group: int[m], of each example.
      most: trials; half of them of one group, where there are so many.
    """
    first, second = np.triu_indices(len(group), 1)
    same = group[first] == group[second]
    rng, chosen = np.random.default_rng(0), []
    for kind, count in ((same, (most + 1) // 2), (~same, most // 2)):
        rows = np.flatnonzero(kind)
        chosen.append(rows if len(rows) <= count else rng.choice(rows, count, replace=False))
    rows = np.concatenate(chosen)
    return first[rows], second[rows], same[rows]


def equal_error_rate(
    scores: np.ndarray, same: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Return the error where both kinds of error are equal, linear between thresholds.

    Args:
      scores: float[n], higher for trials of one speaker.
      same: bool[n].
      weights: float[n], how often each trial counts; None: once. Without weight on one of the kinds
        it is .5.

    >>> equal_error_rate(np.array([0.9, 0.8, 0.3, 0.1]), np.array([True, False, True, False]))
    0.5
    """
    weights = np.ones(len(scores)) if weights is None else weights
    totals = [float(weights[kind].sum()) for kind in (same, ~same)]
    if not all(totals):
        return 0.5
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)  # of those with one score
    accepted = [
        np.append(0, np.cumsum((weights * kind)[order])[last]) / total
        for kind, total in zip((same, ~same), totals, strict=True)
    ]
    refused, wrong = 1 - accepted[0], accepted[1]
    gap = wrong - refused  # ascends from -1 to 1
    at = int(np.argmax(gap >= 0))
    part = -gap[at - 1] / (gap[at] - gap[at - 1])
    return float(wrong[at - 1] + part * (wrong[at] - wrong[at - 1]))
