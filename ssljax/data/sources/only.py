"""A data set without the fields that nobody asks for."""

from collections.abc import Container, Iterable
from typing import Any

import numpy as np

from ssljax.data.sources.base import Source, groups_of
from ssljax.data.sources.in_memory import ArraySource
from ssljax.data.sources.subset import Subset
from ssljax.errors import UserError
from ssljax.spec import presence_of


def only(source: Source, names: Iterable[str]) -> Source:
    """Return the source with the fields of these names and its labels: itself if there are no more.
    What says which examples have a field goes with it.

    What is not asked for needs no fixed shape, and is not put into batches.
    """
    wanted = {*names, *map(presence_of, names), "label"}
    kept = wanted.intersection(source.fields)
    if len(kept) == len(source.fields):
        return source
    return source.only(kept) if isinstance(source, ArraySource) else _Only(source, kept)


def whole(source: Source) -> Source:
    """Return the examples of an opened set that lack no field: itself if none does.

    Raises:
      UserError: every example lacks one.
    """
    presence = getattr(source, "presence", {})
    if not presence:
        return source
    chosen = np.flatnonzero(np.logical_and.reduce([*presence.values()]))
    if not len(chosen):
        raise UserError(
            f"{source.name} cannot be evaluated on: each of the {len(source):,} examples of "
            f"{source.split!r} lacks one of {', '.join(source.fields)}; set "
            "config.evaluation.source to a set in which some lack none"
        )
    return Subset(source, chosen)


class _Only:
    def __init__(self, source: Source, kept: Container[str]):
        self._source, self._kept = source, kept
        self.name, self.split, self.report = source.name, source.split, source.report
        self.num_classes, self.class_names = source.num_classes, source.class_names
        self.in_memory, self.groups = source.in_memory, groups_of(source)
        self.fields = self._of(source.fields)
        self.presence = self._of(getattr(source, "presence", {}))

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
