"""The interface of a protocol, and the numbers that it returns."""

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ssljax.evaluation.intervals import pack, wilson
from ssljax.evaluation.subject import Subject

PERCENT = "%"  # the unit of rates: values in [0, 1], shown in percent


@dataclasses.dataclass(frozen=True)
class Protocol:
    """A way to measure frozen features. Its fields are its settings, with types of `schema`.

    It selects what there is to select on a held-out part of train, and touches test once. It is
    measured for the pretrained encoder, random init and raw input alike.

    Class attributes:
      main: name of the number that is its result; it makes a class the protocol of its file.
    """

    main: ClassVar[str]

    def measure(self, subject: Subject) -> dict[str, Any]:
        """Return plain values that JSON can hold.

        Returns:
          "numbers": {name: what `number` or `rate` gives}, the main one first; and whatever says
          how they came about, such as what was selected.

        Raises:
          NotMeasured: it makes no sense for this subject; the message says why.
        """
        raise NotImplementedError


def number(
    value: float,
    interval: Sequence[float] | None = None,
    *,
    unit: str = "",
    better: str = "higher",
    draws: Sequence[float] = (),
) -> dict[str, Any]:
    """Return a number of a protocol.

    Args:
      value: finite.
      interval: (low, high), its 95% interval, where there is one.
      unit: PERCENT for rates in [0, 1]; else what stands behind the value.
      better: "higher", "lower" or "" where neither is.
      draws: values of which this is the mean, of draws that all subjects share: the difference to a
        baseline is then compared draw by draw.
    """
    found: dict[str, Any] = {"value": float(value), "unit": unit, "better": better}
    if interval is not None:
        found["interval"] = [float(bound) for bound in interval]
    if len(draws):
        found["draws"] = [float(one) for one in draws]
    return found


def rate(right: np.ndarray) -> dict[str, Any]:
    """Return the number of a rate: the mean of bool[n] over test examples, with its interval.

    The examples are kept until the rates of a baseline are there, so that the interval of the
    difference is of pairs; see `intervals.paired_difference`.
    """
    right = np.asarray(right, bool)
    value = float(np.mean(right))
    found = number(value, wilson(value, len(right)), unit=PERCENT)
    return found | {"correct": pack(right), "examples": len(right)}
