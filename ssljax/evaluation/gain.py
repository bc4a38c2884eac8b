"""What pretraining adds to a baseline, and whether the test examples are enough to tell."""

import base64
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ssljax.evaluation.interval import paired_difference

PROBES = {"knn": "k-NN", "linear": "linear probe"}
BASELINES = {"random_init": "random init", "raw_input": "raw input"}


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
