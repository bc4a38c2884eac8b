"""95% confidence intervals: of an accuracy, and of what pretraining adds to a baseline."""

import base64
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

PROBES = {"knn": "k-NN", "linear": "linear probe"}
NOT_ASKED = "not asked for"  # why a probe was not taken
BASELINES = {"random_init": "random init", "raw_input": "raw input"}
_Z = 1.959963984540054  # of 95%


def wilson(accuracy: float, count: int) -> tuple[float, float]:
    """95% confidence interval of a rate observed on `count` independent examples.

    It speaks of the test sample alone, not of the spread between training seeds. Unlike the normal
    approximation it stays inside [0, 1] and does not vanish at an accuracy of 0 or 1.

    Wilson, Probable inference, the law of succession, and statistical inference (1927).

    >>> [round(bound, 4) for bound in wilson(0.9, 100)]
    [0.8256, 0.9448]
    """
    z = _Z
    centre = accuracy + z**2 / (2 * count)
    spread = z * math.sqrt(accuracy * (1 - accuracy) / count + z**2 / (4 * count**2))
    scale = 1 + z**2 / count
    return (centre - spread) / scale, (centre + spread) / scale


def paired_difference(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, tuple[float, float]]:
    """Return the difference of two accuracies on the same examples, and its 95% interval.

    With b examples right by us alone and c by them alone, and p = (b + 1) / (n + 2) and
    q = (c + 1) / (n + 2), the interval is

        p - q -+ 1.96 sqrt((p + q - (p - q)^2) / (n + 2))

    Examples that both get right, or neither, say nothing of the difference. So the interval is
    narrower than what the intervals of the two accuracies would give, which count them twice.

    Args:
      ours, theirs: bool[n], whether an example was classified correctly, in the same order.

    Returns:
      (accuracy of ours - accuracy of theirs, (low, high)).

    Bonett and Price, Adjusted Wald confidence interval for a difference of binomial proportions
    based on paired data (2012); recommended by Fagerland, Lydersen and Laake, Recommended tests and
    confidence intervals for paired binomial proportions (2014). It excludes 0 about where McNemar's
    test rejects.

    >>> ours, theirs = np.arange(100) < 90, np.arange(100) < 80
    >>> difference, (low, high) = paired_difference(ours, theirs)
    >>> round(difference, 4), round(low, 4), round(high, 4)
    (0.1, 0.0343, 0.1618)
    """
    ours, theirs = np.asarray(ours, bool), np.asarray(theirs, bool)
    count = len(ours)
    p = (int(np.sum(ours & ~theirs)) + 1) / (count + 2)
    q = (int(np.sum(theirs & ~ours)) + 1) / (count + 2)
    spread = _Z * math.sqrt((p + q - (p - q) ** 2) / (count + 2))
    difference = float(np.mean(ours) - np.mean(theirs))
    return difference, (max(-1.0, p - q - spread), min(1.0, p - q + spread))


class Gain(NamedTuple):
    """The accuracy of the pretrained encoder minus that of a baseline.

    `interval` is the 95% confidence interval of the difference, over test examples.
    """

    difference: float
    interval: tuple[float, float]

    @property
    def verdict(self) -> str:
        """ "better" or "worse" where the interval excludes 0, else "no measurable difference"."""
        low, high = self.interval
        if low > 0:
            return "better"
        return "worse" if high < 0 else "no measurable difference"


def gain(result: Mapping[str, Any], baseline: str, probe: str) -> Gain | None:
    """Return the gain over a baseline by a probe; None where one of the two was not measured.

    Args:
      result: of `protocol.evaluate`. One that an older version wrote has no paired differences;
        its intervals are combined as those of independent samples, which is wider (Newcombe,
        Interval estimation for the difference between independent proportions, 1998, method 10).
    """
    found = result.get("gains", {}).get(baseline, {}).get(probe)
    if found is not None:
        return Gain(found["difference"], tuple(found["interval"]))
    ours, theirs = (result[row].get(probe) for row in ("pretrained", baseline))
    if ours is None or theirs is None:
        return None
    difference = ours["accuracy"] - theirs["accuracy"]
    below = math.hypot(
        ours["accuracy"] - ours["interval"][0], theirs["interval"][1] - theirs["accuracy"]
    )
    above = math.hypot(
        ours["interval"][1] - ours["accuracy"], theirs["accuracy"] - theirs["interval"][0]
    )
    return Gain(difference, (difference - below, difference + above))


def pop_gains(result: dict[str, Any], count: int) -> dict[str, Any]:
    """Take the packed "correct" of every score out of a result, and return the gains they give.

    Args:
      result: by row and probe, changed in place.
      count: of test examples.

    Returns:
      {baseline: {probe: {"difference", "interval"}}}, of what was measured in both rows.
    """
    correct = {
        row: {
            probe: unpack(scores[probe].pop("correct"), count)
            for probe in PROBES
            if probe in scores
        }
        for row, scores in result.items()
    }
    ours = correct["pretrained"]
    return {
        baseline: {
            probe: _plain(paired_difference(ours[probe], theirs))
            for probe, theirs in correct[baseline].items()
            if probe in ours
        }
        for baseline in BASELINES
    }


def _plain(found: tuple[float, tuple[float, float]]) -> dict[str, Any]:
    return {"difference": found[0], "interval": list(found[1])}


def pack(correct: np.ndarray) -> str:
    """Return bool[n] as text, an eighth of a byte for each."""
    return base64.b64encode(np.packbits(np.asarray(correct, bool)).tobytes()).decode("ascii")


def unpack(text: str, count: int) -> np.ndarray:
    """Return the bool[count] that `pack` was given."""
    return np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8), count=count).astype(bool)
