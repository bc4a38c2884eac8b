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
    """

    vocab: int
    special: tuple[tuple[str, int], ...]
    begin: tuple[int, ...]
    end: tuple[int, ...]

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Return the ids int32[N] of each text, between those of `begin` and `end`."""

    def places(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Return, for each id of `encode`, the place in its text of the last character that it
        stands for, int[N]; -1: it stands for none."""

    def definition(self) -> str:
        """Return what the ids depend on, as text: JSON of the `tokenizers` library, or a name."""


def digest(tokenizer: Tokenizer) -> str:
    """Return a short hash of what the ids depend on."""
    return hashlib.sha256(tokenizer.definition().encode()).hexdigest()[:16]


def field_of(tokenizer: Tokenizer, field: Field) -> Field:
    """Return a field of strings as it is once they are ids."""
    return field.replace(
        dtype="int32", vocab=tokenizer.vocab, special=tokenizer.special, ragged=True
    )
