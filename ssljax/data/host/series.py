"""Series [T, C] and waves [S] to one length: a window of a longer one, a shorter one padded."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from ssljax.data.host.base import HostTransform
from ssljax.data.sound import SoundFile
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


@dataclasses.dataclass(frozen=True)
class Recordings:
    """A window of one of several recordings of an example, int16 [S] or `SoundFile` each.

    Attributes:
      length: in samples.
      random: whether recording and start are drawn; if not it is the middle of the first.
    """

    length: int
    random: bool = False

    def field(self, field: Field) -> Field:
        return field.replace(shape=(self.length,))

    def __call__(
        self, value: Sequence[np.ndarray | SoundFile], rng: np.random.Generator | None
    ) -> np.ndarray:
        chosen = value[int(rng.integers(len(value))) if self.random else 0]
        wave = chosen.wave() if isinstance(chosen, SoundFile) else chosen
        return Window(self.length, random=self.random)(wave, rng)

    def fingerprint(self) -> dict[str, Any]:
        return {"length": self.length, "recordings": "drawn" if self.random else "first"}


def sound_transform(field: Field, length: int, random: bool = False) -> HostTransform:
    """Return what brings the sounds of a field to a length.

    Args:
      field: of waves; of two sides where an example has several recordings.
      length: in samples.
      random: whether one of them, and the start of the window, is drawn.
    """
    return (Recordings if len(field.shape) == 2 else Window)(length, random=random)
