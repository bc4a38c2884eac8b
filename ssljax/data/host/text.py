"""Text to token ids of one length: a longer one is cut at its end, a shorter one padded there."""

import dataclasses
from typing import Any

import numpy as np

from ssljax.spec import Field, Value

BYTES = 256  # ids of a text whose tokens are its bytes


@dataclasses.dataclass(frozen=True)
class TokenIds:
    """Ids, of which those below 0 are none.

    Attributes:
      length: in tokens.
    """

    length: int
    random = False

    def field(self, field: Field) -> Field:
        return field.replace(shape=(self.length,), dtype="int32", ragged=True)

    def __call__(self, value: np.ndarray, rng: np.random.Generator | None) -> Value:
        return _padded(value[value >= 0], self.length)

    def fingerprint(self) -> dict[str, Any]:
        return {"length": self.length}


@dataclasses.dataclass(frozen=True)
class Utf8Bytes:
    """The bytes of a text in UTF-8, each a token: 256 ids, nothing to learn, any language.

    ByT5 (Xue et al. 2021, arXiv:2105.13626) takes such tokens too, behind three special ones.

    Attributes:
      length: in tokens; the cut may fall into a character.
    """

    length: int
    random = False

    def field(self, field: Field) -> Field:
        return field.replace(shape=(self.length,), dtype="int32", vocab=BYTES, ragged=True)

    def __call__(self, value: str, rng: np.random.Generator | None) -> Value:
        return _padded(np.frombuffer(str(value).encode(), np.uint8), self.length)

    def fingerprint(self) -> dict[str, Any]:
        return {"length": self.length, "tokens": "utf-8 bytes"}


def _padded(ids: np.ndarray, length: int) -> Value:
    kept = ids[:length]
    data, segments = np.zeros(length, np.int32), np.zeros(length, np.int32)
    data[: len(kept)], segments[: len(kept)] = kept, 1
    return Value(data, segments)
