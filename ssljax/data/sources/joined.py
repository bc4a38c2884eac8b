"""Several data sets as one, the examples of each after those of the one before."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from ssljax.data.host import sides
from ssljax.data.sources.base import Source, fingerprint_of
from ssljax.errors import UserError
from ssljax.spec import Field


class Joined:
    """The examples of several sources whose fields are alike, numbered from 0.

    Labels are kept where all sources have the same classes, or other targets of one form.

    Attributes:
      counts: examples of each source.
    """

    def __init__(self, sources: Sequence[Source]):
        """Join at least one source.

        Raises:
          UserError: the fields of two sources differ in more than their statistics.
        """
        first, *others = self._sources = tuple(sources)
        for other in others:
            _require_alike(first, other)
        self.counts = tuple(map(len, sources))
        self._ends = np.cumsum(self.counts)
        self.name = " + ".join(source.name for source in sources)
        self.split = first.split
        self.report = "\n".join(filter(None, (source.report for source in sources))) or None
        self.in_memory = all(source.in_memory for source in sources)
        classes = {(source.num_classes, source.class_names, _target(source)) for source in sources}
        alike = len(classes) == 1
        self.num_classes, self.class_names = [*classes.pop()][:2] if alike else (None, None)
        # Statistics that a source brings along are those of its own examples.
        self.fields = {
            name: field.replace(mean=(), std=())
            for name, field in first.fields.items()
            if alike or name != "label"
        }

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, index: int) -> dict[str, Any]:
        number = int(np.searchsorted(self._ends, index, side="right"))
        found = self._sources[number][int(index) - int(self._ends[number]) + self.counts[number]]
        return {name: found[name] for name in self.fields}

    def gather(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Return {field: [b, ...]} of some examples."""
        numbers = np.searchsorted(self._ends, indices, side="right")
        places = np.argsort(numbers, kind="stable")
        parts = []
        for number in np.unique(numbers):
            own = indices[numbers == number] - self._ends[number] + self.counts[number]
            found = self._sources[number].gather(own)
            parts.append({name: found[name] for name in self.fields})
        back = np.argsort(places)
        return jax.tree.map(lambda *each: np.concatenate(each)[back], *parts)

    def fingerprint(self) -> dict[str, Any]:
        each = [source.fingerprint() for source in self._sources]
        content = [{key: one[key] for key in one if key != "spec"} for one in each]
        return fingerprint_of(self, json.dumps(content, sort_keys=True))


def _target(source: Source) -> Field | None:
    label = source.fields.get("label")
    return None if label is None else label.replace(mean=(), std=())


def _require_alike(first: Source, other: Source) -> None:
    def described(fields: dict[str, Field]) -> dict[str, dict]:
        kept = {name: field.replace(mean=(), std=()) for name, field in fields.items()}
        return {name: dataclasses.asdict(f) for name, f in kept.items() if name != "label"}

    one, two = described(first.fields), described(other.fields)
    for name in {**one, **two}:
        if one.get(name) != two.get(name):
            raise UserError(
                f"{first.name} and {other.name} cannot be mixed: {name!r} is "
                f"{_said(first, name)} in the first and {_said(other, name)} in the second"
            )


def _said(source: Source, name: str) -> str:
    field = source.fields.get(name)
    if field is None:
        return "absent"
    vocabulary = f" of {field.vocab} ids" if field.vocab else ""
    columns = f" with the categories {field.cardinalities}" if field.cardinalities else ""
    return f"{field.modality} {sides(field)} {field.dtype}{vocabulary}{columns}"
