"""What every tokenizer can do."""

import hashlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ssljax.spec import Field


class Tokenizer(Protocol):
    """A fixed map from texts to ids of a vocabulary; picklable.

    Attributes:
      vocab: number of ids.
      special: pairs of a role and the id of the special token that has it, see `Field.special`.
      begin: ids before those of every text.
      end: ids after those of every text.
      between: ids from the end of the first sentence of a pair to the second, beside `end`: none in
        BERT's `[CLS] A [SEP] B [SEP]`, one in RoBERTa's `<s> A </s> </s> B </s>`.
    """

    vocab: int
    special: tuple[tuple[str, int], ...]
    begin: tuple[int, ...]
    end: tuple[int, ...]
    between: tuple[int, ...]

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Return the ids int32[N] of each text, between those of `begin` and `end`."""

    def places(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Return, for each id of `encode`, the place in its text of the last character that it
        stands for, int[N]; -1: it stands for none."""

    def definition(self) -> str:
        """Return what the ids depend on, as text: JSON of the `tokenizers` library, or a name."""


def encode_pairs(tokenizer: Tokenizer, pairs: Sequence[tuple[str, str]]) -> list[np.ndarray]:
    """Return the ids int32[N] of pairs of sentences: begin, A, end, between, B, end."""
    first, second = (tokenizer.encode([pair[side] for pair in pairs]) for side in (0, 1))
    between = np.array(tokenizer.between, np.int32)
    return [
        np.concatenate([one, between, two[len(tokenizer.begin) :]])
        for one, two in zip(first, second, strict=True)
    ]


def digest(tokenizer: Tokenizer) -> str:
    """Return a short hash of what the ids depend on."""
    return hashlib.sha256(tokenizer.definition().encode()).hexdigest()[:16]


def field_of(tokenizer: Tokenizer, field: Field) -> Field:
    """Return a field of strings as it is once they are ids."""
    return field.replace(
        dtype="int32", vocab=tokenizer.vocab, special=tokenizer.special, ragged=True
    )
