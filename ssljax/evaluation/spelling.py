"""Letters out of what CTC predicts, and how far they are from what was said."""

import itertools
from collections.abc import Sequence

import numpy as np

from ssljax.errors import optional_package

BLANK = 0


def greedy(logits: np.ndarray) -> list[int]:
    """Return the letters of the likeliest path: repeats joined, then blanks dropped.

    Args:
      logits: float[N, K + 1], of the blank, then of each letter.

    >>> greedy(np.eye(3)[[1, 1, 0, 1, 2, 2]])
    [0, 0, 1]
    """
    path = np.argmax(logits, axis=-1)
    kept = np.append(True, path[1:] != path[:-1]) & (path != BLANK)
    return (path[kept] - 1).tolist()


def beam(logits: np.ndarray, width: int) -> list[int]:
    """Return the likeliest letters over the sum of their paths, by a prefix beam search.

    Args:
      logits: as of `greedy`.
      width: prefixes that are kept at each time.

    Raises:
      UserError: the package fast_ctc_decode is not installed.
    """
    library = optional_package("fast_ctc_decode", "ctc")
    exact = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares = (exact / exact.sum(axis=-1, keepdims=True)).astype(np.float32)
    # A character stands for each letter, whatever its name.
    alphabet = [chr(_FIRST + number) for number in range(shares.shape[1])]
    text, _ = library.beam_search(shares, alphabet, beam_size=width)
    return [ord(one) - _FIRST - 1 for one in text]


_FIRST = 0x4E00


def edits(found: Sequence, wanted: Sequence) -> int:
    """Return the least number of letters, or words, to insert, delete or replace (Levenshtein
    1966).

    >>> edits([1, 2, 3], [2, 3, 4])
    2
    """
    row = list(range(len(wanted) + 1))
    for i, one in enumerate(found, 1):
        last, row[0] = row[0], i
        for j, other in enumerate(wanted, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (one != other))
    return row[-1]


def words_of(letters: list[int], space: int) -> list[tuple[int, ...]]:
    """Return the words that spaces part, however many.

    >>> words_of([1, 2, 0, 0, 3, 0], space=0)
    [(1, 2), (3,)]
    """
    parts = itertools.groupby(letters, lambda letter: letter == space)
    return [tuple(word) for is_space, word in parts if not is_space]


class Spellings:
    """What of spelled sounds enters their score, so that no prediction is kept.

    Args:
      width: of the beam search; 0: none besides the greedy decoding.
      letters: by number. Words are counted too where one of them parts words: a space, else "|".
    """

    def __init__(self, width: int = 0, letters: str = ""):
        self.width = width
        self.space = letters.find(" " if " " in letters else "|")
        self._letters: list[list[int]] = []
        self._words: list[list[int]] = []

    def add(self, logits: np.ndarray, labels: np.ndarray) -> None:
        """Count the letters of float[n, N, K + 1] that differ from int[n, L], below 0: no more."""
        for own, label in zip(logits, labels, strict=True):
            wanted = label[label >= 0].tolist()
            found = [greedy(own), *([beam(own, self.width)] if self.width else [])]
            self._letters.append([len(wanted), *(edits(one, wanted) for one in found)])
            if self.space >= 0:
                words = words_of(wanted, self.space)
                made = (words_of(one, self.space) for one in found)
                self._words.append([len(words), *(edits(one, words) for one in made)])

    @property
    def counts(self) -> np.ndarray:
        """int[n, 2]: letters that are there, and those that are wrong; [n, 3] with those of the
        beam search."""
        return np.array(self._letters, np.int64)

    @property
    def entities(self) -> np.ndarray:
        """The same of words; int[0, 3] where nothing parts them."""
        return np.array(self._words, np.int64) if self._words else np.zeros((0, 3), np.int64)
