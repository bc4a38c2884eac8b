"""Text to token ids of one length: a longer one is cut at its end, a shorter one padded there."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from ssljax.data.host.base import HostTransform
from ssljax.spec import Field, Value

BYTES = 256  # ids of a text whose tokens are its bytes


@dataclasses.dataclass(frozen=True)
class TokenIds:
    """Ids, of which those below 0 are none.

    Attributes:
      length: in tokens.
      end: the id of a token that ends texts, and stays the last where one is cut; -1: none does.
    """

    length: int
    end: int = -1
    random = False

    def field(self, field: Field) -> Field:
        return field.replace(shape=(self.length,), dtype="int32", ragged=True)

    def __call__(self, value: np.ndarray, rng: np.random.Generator | None) -> Value:
        return _padded(value[value >= 0], self.length, self.end)

    def fingerprint(self) -> dict[str, Any]:
        return {"length": self.length}


@dataclasses.dataclass(frozen=True)
class Captions:
    """The ids, or the bytes, of one of several captions.

    Attributes:
      length: in tokens.
      end: as of `TokenIds`.
      random: whether a caption is drawn; if not it is the first.
    """

    length: int
    end: int = -1
    random: bool = False

    def field(self, field: Field) -> Field:
        one = field.replace(shape=(None,))
        return _one_text(one, self.length, self.end).field(one)

    def __call__(self, value: Sequence[Any], rng: np.random.Generator | None) -> Value:
        chosen = value[int(rng.integers(len(value))) if self.random else 0]
        if isinstance(chosen, str):
            return Utf8Bytes(self.length)(chosen, None)
        return TokenIds(self.length, self.end)(chosen, None)

    def fingerprint(self) -> dict[str, Any]:
        return {"length": self.length, "captions": "drawn" if self.random else "first"}


def text_transform(field: Field, length: int, random: bool = False) -> HostTransform:
    """Return what brings the texts of a field to a length.

    Args:
      field: of strings or ids; of two sides where an example has several captions.
      length: in tokens.
      random: whether one of several captions is drawn.
    """
    end = dict(field.special).get("sep", -1)
    if len(field.shape) == 2:
        return Captions(length, end, random)
    return _one_text(field, length, end)


def _one_text(field: Field, length: int, end: int) -> HostTransform:
    return Utf8Bytes(length) if field.dtype == "str" else TokenIds(length, end)


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


def _padded(ids: np.ndarray, length: int, end: int = -1) -> Value:
    kept = ids[:length]
    if len(ids) > length and end >= 0 and ids[-1] == end:
        kept = np.append(kept[:-1], end)
    data, segments = np.zeros(length, np.int32), np.zeros(length, np.int32)
    data[: len(kept)], segments[: len(kept)] = kept, 1
    return Value(data, segments)
