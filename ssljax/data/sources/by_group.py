"""A data set whose labels are who or what its examples are of, such as speakers."""

from typing import Any

import numpy as np

from ssljax.data.sources.base import Source, groups_of
from ssljax.errors import UserError
from ssljax.spec import LABEL


class ByGroup:
    """The examples of a source, each with the number of its group as its label.

    Attributes:
      labels: int[n]; groups are numbered in the order of their names.
    """

    def __init__(self, source: Source):
        """Label the examples of a source.

        Raises:
          UserError: it does not say of which group they are.
        """
        groups = groups_of(source)
        if groups is None:
            raise UserError(
                f"config.data.labels='group': {source.name} does not say who or what its examples "
                "are of (folders within those of classes, '?group=' of audio:PATH, 'group' in npz "
                "files)"
            )
        names, labels = np.unique(groups, return_inverse=True)
        self._source, self.groups, self.labels = source, groups, labels.astype(np.int32)
        self.name, self.split, self.report = source.name, source.split, source.report
        self.class_names, self.num_classes = tuple(map(str, names)), len(names)
        self.in_memory = source.in_memory
        self.presence = getattr(source, "presence", {})
        self.fields = {**source.fields, "label": LABEL.replace(classes=len(names))}

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {**self._source[index], "label": self.labels[index]}

    def gather(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Return {field: [b, ...]} of some examples."""
        return {**self._source.gather(indices), "label": self.labels[indices]}

    def fingerprint(self) -> dict[str, Any]:
        return {**self._source.fingerprint(), "labels": "group"}
