"""Series [T, C] and waves [S] to one length: a window of a longer one, a shorter one padded."""

import dataclasses
from typing import Any

import numpy as np

from ssljax.spec import Field, Value


@dataclasses.dataclass(frozen=True)
class Window:
    """A window of `length` steps; of a `Value`, of its first steps that are no padding.

    Attributes:
      length: in steps.
      fill: one value for each channel that stands after the end of a shorter series; () for 0. The
        channel's mean is right, as it becomes 0 once standardised; of waves 0 is silence.
      random: whether the window starts anywhere, or in the middle.
    """

    length: int
    fill: tuple[float, ...] = ()
    random: bool = False

    def field(self, field: Field) -> Field:
        return field.replace(shape=(self.length, *field.shape[1:]))

    def __call__(
        self, value: np.ndarray | Value, rng: np.random.Generator | None
    ) -> np.ndarray | Value:
        if isinstance(value, Value):
            steps = int(np.count_nonzero(value.segments))
            segments = (np.arange(self.length) < steps).astype(np.int32)
            return Value(self(value.data[:steps], rng), segments)
        spare = len(value) - self.length
        if spare >= 0:
            start = int(rng.integers(spare + 1)) if self.random else spare // 2
            return value[start : start + self.length]
        padded = np.empty((self.length, *value.shape[1:]), value.dtype)
        padded[: len(value)] = value
        padded[len(value) :] = self.fill or 0
        return padded

    def fingerprint(self) -> dict[str, Any]:
        return {"length": self.length}
