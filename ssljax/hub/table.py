"""Mapping tables: which tensor of another library is which array of ours.

A table is a tuple of rows, read in both directions. Paths of ours are those of an encoder without
`scan`, "encoder/trunk/block_3/attention/query/kernel"; those of batch statistics begin with
"stats/". `{i}` stands for a number, the same in both names; `{i:1}` for one more.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ssljax.hub.changes import CHANGES


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
      theirs: name of the tensor.
      ours: path of the array; several, if the tensor holds several.
      change: name of what is done, one of `ssljax.hub.changes.CHANGES`.
      beside: path of another array of ours without which the row does not count; "" for none.
    """

    theirs: str
    ours: str | tuple[str, ...]
    change: str = "same"
    beside: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of ours."""
        return (self.ours,) if isinstance(self.ours, str) else self.ours


@dataclasses.dataclass(frozen=True)
class Fixed:
    """A tensor that is no parameter here: it is computed, and compared when it is read.

    Attributes:
      theirs: name of the tensor.
      make: computes it of (encoder, objective); None where ours is a parameter after all.
    """

    theirs: str
    make: Callable[[Any, Any], np.ndarray | None]


@dataclasses.dataclass(frozen=True)
class Absent:
    """An array of ours that the other library has not, and that has no influence on any output: it
    starts at 0 and is not written.

    Attributes:
      ours: path of the array.
    """

    ours: str


class Pair(NamedTuple):
    """A row for given numbers."""

    theirs: str
    ours: tuple[str, ...]
    change: str

    @property
    def part(self) -> str:
        """The component of the objective that it belongs to."""
        return self.ours[0].removeprefix("stats/").partition("/")[0]

    def load(self, tensor: np.ndarray) -> dict[str, np.ndarray]:
        """Return our arrays, by path."""
        arrays = CHANGES[self.change].load(tensor, len(self.ours))
        return dict(zip(self.ours, arrays, strict=True))

    def store(self, arrays: dict[str, np.ndarray], patch: tuple[int, ...]) -> np.ndarray:
        """Return their tensor, contiguous, of the arrays by path."""
        tensor = CHANGES[self.change].store([arrays[path] for path in self.ours], patch)
        return np.ascontiguousarray(tensor).reshape(tensor.shape)


def pairs(rows: Iterable[Row | Fixed | Absent], paths: Sequence[str]) -> list[Pair]:
    """Return the rows that arrays of these paths have, for all their numbers.

    A path belongs to the first row that has it.

    >>> rows = [Row("layers.{i}.weight", "block_{i}/kernel", "transposed")]
    >>> [pair.theirs for pair in pairs(rows, ["block_0/kernel", "block_1/kernel", "head"])]
    ['layers.0.weight', 'layers.1.weight']
    """
    known, found = set(paths), []
    left = dict.fromkeys(paths)
    for row in rows:
        if isinstance(row, Fixed | Absent):
            continue
        pattern = _pattern(row.paths[0])
        for path in list(left):
            if path in left and (match := pattern.fullmatch(path)):
                numbers = {name: _Number(text) for name, text in match.groupdict().items()}
                ours = tuple(one.format(**numbers) for one in row.paths)
                there = not row.beside or row.beside.format(**numbers) in known
                if there and all(one in left for one in ours):
                    found.append(Pair(row.theirs.format(**numbers), ours, row.change))
                    for one in ours:
                        del left[one]
    return found


def absent(rows: Iterable[Row | Fixed | Absent], paths: Sequence[str]) -> list[str]:
    """Return the paths that the other library has not, see `Absent`."""
    patterns = [_pattern(row.ours) for row in rows if isinstance(row, Absent)]
    return [path for path in paths if any(one.fullmatch(path) for one in patterns)]


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>\\d+)", re.escape(path)))


class _Number(int):
    def __format__(self, more: str) -> str:
        return str(self + int(more or 0))


# Modules of PyTorch, each a few rows.


def linear(theirs: str, ours: str, beside: str = "") -> tuple[Row, ...]:
    """Return the rows of a linear map."""
    return (
        Row(f"{theirs}.weight", f"{ours}/kernel", "transposed", beside),
        Row(f"{theirs}.bias", f"{ours}/bias", beside=beside),
    )


def fused(theirs: str, *ours: str) -> tuple[Row, ...]:
    """Return the rows of linear maps that PyTorch has in one."""
    return (
        Row(f"{theirs}.weight", tuple(f"{one}/kernel" for one in ours), "split"),
        Row(f"{theirs}.bias", tuple(f"{one}/bias" for one in ours), "split_bias"),
    )


def patches(theirs: str, ours: str) -> tuple[Row, ...]:
    """Return the rows of the map of patches or tubelets, a convolution of their size."""
    return Row(f"{theirs}.weight", f"{ours}/kernel", "patches"), _bias(theirs, ours)


def norm(theirs: str, ours: str) -> tuple[Row, ...]:
    """Return the rows of a LayerNorm."""
    return Row(f"{theirs}.weight", f"{ours}/scale"), _bias(theirs, ours)


def batch_norm(theirs: str, ours: str) -> tuple[Row, ...]:
    """Return the rows of a BatchNorm; how many batches it has seen is not among ours."""
    return (
        *norm(theirs, ours),
        Row(f"{theirs}.running_mean", f"stats/{ours}/mean"),
        Row(f"{theirs}.running_var", f"stats/{ours}/var"),
    )


def _bias(theirs: str, ours: str) -> Row:
    return Row(f"{theirs}.bias", f"{ours}/bias")
