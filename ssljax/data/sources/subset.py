"""Some of the examples of a data set."""

import hashlib
from typing import Any

import numpy as np

from ssljax.data.sources.base import Source, groups_of


class Subset:
    """The examples of a source whose numbers are given, numbered anew from 0."""

    in_memory = False  # so that only the chosen examples are resized, and not a whole array

    def __init__(self, source: Source, chosen: np.ndarray):
        """Hold int[n], numbers of examples in the source."""
        self._source, self._chosen = source, np.asarray(chosen, np.int64)
        self.name, self.split, self.report = source.name, source.split, source.report
        self.fields = source.fields
        self.num_classes, self.class_names = source.num_classes, source.class_names
        groups = groups_of(source)
        self.groups = None if groups is None else groups[self._chosen]

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._source[int(self._chosen[index])]

    def fingerprint(self) -> dict[str, Any]:
        chosen = hashlib.sha256(self._chosen).hexdigest()
        return self._source.fingerprint() | {"count": len(self), "chosen": chosen}
