"""A data set without the fields that nobody asks for."""

from collections.abc import Container
from typing import Any

import numpy as np

from ssljax.data.sources.base import Source, groups_of
from ssljax.data.sources.in_memory import ArraySource


def only(source: Source, names: Container[str]) -> Source:
    """Return the source with the fields of these names and its labels: itself if there are no more.

    What is not asked for needs no fixed shape, and is not put into batches.
    """
    kept = {name for name in source.fields if name in names or name == "label"}
    if len(kept) == len(source.fields):
        return source
    return source.only(kept) if isinstance(source, ArraySource) else _Only(source, kept)


class _Only:
    def __init__(self, source: Source, kept: Container[str]):
        self._source, self._kept = source, kept
        self.name, self.split, self.report = source.name, source.split, source.report
        self.num_classes, self.class_names = source.num_classes, source.class_names
        self.in_memory, self.groups = source.in_memory, groups_of(source)
        self.fields = self._of(source.fields)

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._of(self._source[index])

    def gather(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        return self._of(self._source.gather(indices))

    def fingerprint(self) -> dict[str, Any]:
        return self._source.fingerprint()

    def _of(self, found: Any) -> dict[str, Any]:
        return {name: value for name, value in found.items() if name in self._kept}
