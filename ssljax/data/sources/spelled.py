"""A data set whose labels are the letters of the names of its classes, such as spoken words."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ssljax.data.sources.base import Source
from ssljax.errors import UserError
from ssljax.spec import Field


class Spelled:
    """The examples of a source, each with the letters of its class, int32[L], -1 after the last.

    L is the length of the longest name, and the letters are numbered in the order of their codes,
    over all classes that the source names: those of both splits, where they share their classes.

    Attributes:
      labels: int32[n, L].
      class_names: the letters.
    """

    in_memory: bool

    def __init__(self, source: Source, classes: np.ndarray):
        """Spell the classes of a source, int[n].

        Raises:
          UserError: its classes have no names.
        """
        if not source.class_names:
            raise UserError(
                f"config.data.labels='letters': the classes of {source.name} have no names to be "
                "spelled, as folders of words have"
            )
        letters, spelled = spell(source.class_names)
        self._source, self.class_names = source, letters
        self.labels = np.where((classes >= 0)[:, None], spelled[np.maximum(classes, 0)], -1)
        self.name, self.split, self.report = source.name, source.split, source.report
        self.num_classes, self.groups = None, getattr(source, "groups", None)
        self.in_memory = source.in_memory
        self.presence = getattr(source, "presence", {})
        size, count = spelled.shape[1], len(letters)
        field = Field("label", (size,), "int32", vocab=count, classes=count)
        self.fields = {**source.fields, "label": field}

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {**self._source[index], "label": self.labels[index]}

    def gather(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Return {field: [b, ...]} of some examples."""
        return {**self._source.gather(indices), "label": self.labels[indices]}

    def fingerprint(self) -> dict[str, Any]:
        return {**self._source.fingerprint(), "labels": "letters"}


def spell(names: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the letters of names, and the number of each letter of each, int32[n, L].

    >>> letters, spelled = spell(["no", "on", "go!"])
    >>> letters, spelled.tolist()
    (('!', 'g', 'n', 'o'), [[2, 3, -1], [3, 2, -1], [1, 3, 0]])
    """
    letters = sorted({letter for name in names for letter in name})
    made = np.full((len(names), max(map(len, names))), -1, np.int32)
    for row, name in zip(made, names, strict=True):
        row[: len(name)] = [letters.index(letter) for letter in name]
    return tuple(letters), made
