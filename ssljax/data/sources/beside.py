"""Several data sets side by side: an example holds one of each, which do not belong together."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from ssljax.data.sources.base import Source, fingerprint_of
from ssljax.errors import UserError


class Beside:
    """Sets of different fields, such as images, texts and sounds, in the same batches.

    There are as many examples as the longest set has; example i holds number i mod n of a set of n.
    So each set is gone through evenly, and a batch is a function of its step as that of one set.
    Labels are those of the first set.
    """

    groups = None

    def __init__(self, sources: Sequence[Source]):
        """Put at least two sources side by side.

        Raises:
          UserError: two of them have a field of the same name.
        """
        self._sources = tuple(sources)
        first = self._sources[0]
        self.name = " beside ".join(source.name for source in sources)
        self.split = first.split
        self.report = "\n".join(filter(None, (source.report for source in sources))) or None
        self.in_memory = all(source.in_memory for source in sources)
        self.num_classes, self.class_names = first.num_classes, first.class_names
        self._names, self.fields = [], {}
        for source in self._sources:
            names = [name for name in source.fields if name != "label" or source is first]
            for name in names:
                if name in self.fields:
                    raise UserError(
                        f"{first.name} and {source.name} cannot stand side by side: both have the "
                        f"field {name!r}; say by 'field' in config.data.beside what a set gives, "
                        "or mix sets of the same fields by config.data.mixture"
                    )
                self.fields[name] = source.fields[name]
            self._names.append(names)

    @property
    def presence(self) -> dict[str, np.ndarray]:
        """Which examples have a field, by the entry that says so."""
        found = {}
        for source in self._sources:
            at = np.arange(len(self)) % len(source)
            found |= {name: one[at] for name, one in getattr(source, "presence", {}).items()}
        return found

    def __len__(self) -> int:
        return max(map(len, self._sources))

    def __getitem__(self, index: int) -> dict[str, Any]:
        example = {}
        for source, names in zip(self._sources, self._names, strict=True):
            own = source[int(index) % len(source)]
            example |= {name: own[name] for name in names}
        return example

    def gather(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Return {field: [b, ...]} of some examples."""
        found = {}
        for source, names in zip(self._sources, self._names, strict=True):
            own = source.gather(indices % len(source))
            found |= {name: own[name] for name in names}
        return found

    def fingerprint(self) -> dict[str, Any]:
        each = [source.fingerprint() for source in self._sources]
        return fingerprint_of(self, json.dumps(each, sort_keys=True))
