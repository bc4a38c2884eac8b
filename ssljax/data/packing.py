"""Several short examples in one row, so that little of a batch is padding."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ssljax.data.host import stack
from ssljax.data.sources.base import Source, fingerprint_of
from ssljax.errors import UserError
from ssljax.spec import Value


def first_fit(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Return which examples each row holds: each goes into the first row that has room for it.

    Args:
      lengths: of the examples, none above `capacity`.
      capacity: of a row.

    Example:
      >>> first_fit([4, 3, 5, 2], capacity=6)
      [[0, 3], [1], [2]]
    """
    rows: list[list[int]] = []
    room = np.zeros(len(lengths), int)  # of each row
    for example, length in enumerate(lengths):
        row = int(np.argmax(room[: len(rows)] >= length)) if rows else 0
        if not rows or room[row] < length:
            row = len(rows)
            rows.append([])
            room[row] = capacity
        rows[row].append(example)
        room[row] -= length
    return rows


class Packed:
    """The rows of a source whose examples are packed; its other fields and labels are left out.

    The index is made once, in the order of the examples, so that row i is a function of i. In a
    row, examples have the segments 1, 2, ..., each beginning at a multiple of `align`.
    """

    in_memory = True
    num_classes = class_names = None

    def __init__(self, source: Source, name: str, capacity: int, align: int = 1):
        """Pack a ragged field of a source, all of whose examples are read.

        Args:
          source: where the field holds `Value`s.
          name: of the field.
          capacity: entries of a row along the first axis.
          align: entries of a patch, which must be of one example.

        Raises:
          UserError: a row cannot hold the longest example, or is no multiple of `align`.
        """
        if capacity % align:
            raise UserError(
                f"config.data.pack={capacity} must be a multiple of {align}, the length of a patch"
            )
        field = source.fields[name]
        values = [source[index][name] for index in range(len(source))]
        self._examples = [value.data[: np.count_nonzero(value.segments)] for value in values]
        taken = [-(-len(example) // align) * align for example in self._examples]
        if max(taken) > capacity:
            raise UserError(
                f"config.data.pack={capacity}, but the longest example of {source.name} takes "
                f"{max(taken)}"
            )
        self._field, self._align, self._source = name, align, source
        self._rows = first_fit(taken, capacity)
        self.fields = {name: field.replace(shape=(capacity, *field.shape[1:]))}
        self.name, self.split = source.name, source.split
        share = sum(map(len, self._examples)) / (len(self._rows) * capacity)
        packed = f"{len(source):,} examples packed into rows that are {share:.0%} full"
        self.report = "\n".join(filter(None, (source.report, packed)))

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        field = self.fields[self._field]
        data = np.zeros(field.shape, field.dtype)
        data[:] = field.mean or 0  # which is 0 once standardised
        segments, start = np.zeros(field.shape[0], np.int32), 0
        for number, example in enumerate(self._rows[index], 1):
            found = self._examples[example]
            data[start : start + len(found)] = found
            segments[start : start + len(found)] = number
            start += -(-len(found) // self._align) * self._align
        return {self._field: Value(data, segments)}

    def gather(self, indices: np.ndarray) -> dict[str, Value]:
        """Return {field: [b, ...]} of some rows."""
        return {self._field: stack([self[index][self._field] for index in indices])}

    def fingerprint(self) -> dict[str, Any]:
        content = self._source.fingerprint()["content"]
        shape = self.fields[self._field].shape[0], self._align
        return fingerprint_of(self, f"{content} packed into {shape[0]} by {shape[1]}")
