"""Tags, a class for each token, brought to the length of their text."""

import dataclasses
from typing import Any

import numpy as np

from ssljax.spec import Field


@dataclasses.dataclass(frozen=True)
class TagsCut:
    """What `TokenIds` does to a text: tags beyond `length` are cut, the room after them has none.

    Attributes:
      length: in tokens.
      ends: whether a token ends texts, and stays the last where one is cut. It has no tag.
    """

    length: int
    ends: bool = False
    random = False

    def field(self, field: Field) -> Field:
        return field.replace(shape=(self.length,))

    def __call__(self, value: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
        own = value[value > _AFTER]
        kept = np.full(self.length, _NONE, np.int32)
        kept[: len(own)] = own[: self.length]
        if self.ends and len(own) > self.length and own[-1] == _NONE:
            kept[-1] = _NONE
        return kept

    def fingerprint(self) -> dict[str, Any]:
        return {}  # that of the text's transform says it


_NONE, _AFTER = -1, -2  # as `ssljax.data.sources.tags` has them
