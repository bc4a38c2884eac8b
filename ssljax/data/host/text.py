"""Text to token ids of one length: a longer one is cut at its end, a shorter one padded there."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from ssljax.data.host.base import HostTransform
from ssljax.errors import UserError
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
class SentencePair:
    """The ids of two sentences, `[CLS] A [SEP] B [SEP]`; tokens of both are left out to fit.

    One by one the last token of the longer sentence goes, of two of one length that of B, as in
    google-research/bert, run_classifier.py, _truncate_seq_pair. Special tokens stay.

    Attributes:
      length: in tokens.
      end: the id of the token that ends either sentence.
      begin: the id of the token that begins a text; -1: none does.
    """

    length: int
    end: int
    begin: int = -1
    random = False

    def field(self, field: Field) -> Field:
        return TokenIds(self.length).field(field)

    def __call__(self, value: np.ndarray, rng: np.random.Generator | None) -> Value:
        ids = value[value >= 0]
        start = int(ids[0] == self.begin)
        stop = int(np.argmax(ids == self.end))  # behind A
        second = stop + int(np.argmin(ids[stop:] == self.end))  # where B begins
        a, b = _both_cut(stop - start, len(ids) - 1 - second, len(ids) - self.length)
        kept = np.r_[0 : start + a, stop:second, second : second + b, len(ids) - 1]
        return _padded(ids[kept], self.length, self.end)

    def fingerprint(self) -> dict[str, Any]:
        return {"length": self.length, "sentences": 2}


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

    Raises:
      UserError: pairs of sentences that are strings.
    """
    if field.sentences == 2:
        require_separated(field)
        special = dict(field.special)
        return SentencePair(length, special["sep"], special.get("cls", -1))
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


def require_separated(field: Field) -> None:
    """Raise a UserError unless the sentences of a pair, if it is one, are ids that a token ends."""
    if field.sentences == 2 and (field.dtype == "str" or "sep" not in dict(field.special)):
        raise UserError(
            "pairs of sentences need a tokenizer with a token that ends a text; set "
            "config.data.tokenizer, such as 'bytes'"
        )


def _both_cut(a: int, b: int, excess: int) -> tuple[int, int]:
    """Return the lengths of two sentences once `excess` tokens are taken, of the longer ones."""
    if excess <= 0:
        return a, b
    longer = min(abs(a - b), excess)
    a, b = (a - longer, b) if a > b else (a, b - longer)
    rest = excess - longer
    return max(a - rest // 2, 0), max(b - (rest + 1) // 2, 0)


def _padded(ids: np.ndarray, length: int, end: int = -1) -> Value:
    kept = ids[:length]
    if len(ids) > length and end >= 0 and ids[-1] == end:
        kept = np.append(kept[:-1], end)
    data, segments = np.zeros(length, np.int32), np.zeros(length, np.int32)
    data[: len(kept)], segments[: len(kept)] = kept, 1
    return Value(data, segments)
