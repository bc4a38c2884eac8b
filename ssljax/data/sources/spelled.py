"""A data set whose labels are letters: of transcripts, or of the names of classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ssljax.data.sources.base import Source
from ssljax.errors import UserError
from ssljax.spec import spelled_label


class Spelled:
    """The examples of a source, each with letters, int32[L], -1 after the last.

    Attributes:
      labels: int32[n, L]; the number of a letter that is not among `class_names` is their count.
      class_names: the letters.
      names: of the examples, where the source has some.
    """

    in_memory: bool

    def __init__(self, source: Source, labels: np.ndarray, letters: Sequence[str]):
        """Hold the labels of a source.

        Args:
          source: without those.
          labels: int32[n, L].
          letters: by number.
        """
        self._source, self.labels, self.class_names = source, labels, tuple(letters)
        self.name, self.split, self.report = source.name, source.split, source.report
        self.num_classes, self.groups = None, getattr(source, "groups", None)
        self.names = getattr(source, "names", None)
        self.in_memory = source.in_memory
        self.presence = getattr(source, "presence", {})
        label = spelled_label(labels.shape[1], len(letters), "".join(letters))
        self.fields = {**source.fields, "label": label}

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {**self._source[index], "label": self.labels[index]}

    def gather(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Return {field: [b, ...]} of some examples."""
        return {**self._source.gather(indices), "label": self.labels[indices]}

    def fingerprint(self) -> dict[str, Any]:
        return {**self._source.fingerprint(), "labels": "letters"}


class Transcribed(Spelled):
    """Examples with the letters of their transcripts, see `spelled_texts`."""

    def fingerprint(self) -> dict[str, Any]:
        return {**super().fingerprint(), "letters": "".join(self.class_names)}


def spelled_classes(source: Source, classes: np.ndarray) -> Spelled:
    """Return a source with the letters of the names of its classes, int[n]; below 0: none.

    L is the length of the longest name, and the letters are numbered in the order of their codes,
    over all classes that the source names: those of both splits, where they share their classes.

    Raises:
      UserError: its classes have no names.
    """
    if not source.class_names:
        raise UserError(
            f"config.data.labels='letters': the classes of {source.name} have no names to be "
            "spelled, as folders of words have, and its sounds have no transcripts; for these "
            "write audio:PATH?transcripts=txt or trans.txt"
        )
    letters, spelled = spell(source.class_names)
    labels = np.where((classes >= 0)[:, None], spelled[np.maximum(classes, 0)], -1)
    return Spelled(source, labels, letters)


def spelled_texts(source: Source, texts: Sequence[str], letters: str = "") -> Spelled:
    """Return a source with the letters of texts, one for each example.

    L is the length of the longest text.

    Args:
      source: n examples.
      texts: their transcripts.
      letters: those of training, by number; "": those of the texts, in the order of their codes. A
        letter that is not among them counts as an error wherever it is said.
    """
    known, labels = spell(texts, letters)
    made = Transcribed(source, labels, known)
    lacking = sorted({letter for text in texts for letter in text} - {*known})
    if lacking:
        number = sum(not {*known}.issuperset(text) for text in texts)
        said = (
            f"{len(lacking)} letters of {source.split!r} are absent from the transcripts of "
            f"training: {' '.join(map(repr, lacking[:9]))}{' ...' * (len(lacking) > 9)}; in "
            f"{number:,} of {len(texts):,} transcripts they count as errors"
        )
        made.report = "\n".join(filter(None, (source.report, said)))
    return made


def spell(names: Sequence[str], letters: str = "") -> tuple[tuple[str, ...], np.ndarray]:
    """Return the letters of names, and the number of each letter of each, int32[n, L].

    Args:
      names: the words.
      letters: by number; those that it lacks have the number of their count. "": those of
        the names.

    >>> letters, spelled = spell(["no", "on", "go!"])
    >>> letters, spelled.tolist()
    (('!', 'g', 'n', 'o'), [[2, 3, -1], [3, 2, -1], [1, 3, 0]])
    """
    known = tuple(letters) or tuple(sorted({letter for name in names for letter in name}))
    numbers = {letter: number for number, letter in enumerate(known)}
    made = np.full((len(names), max(map(len, names))), -1, np.int32)
    for row, name in zip(made, names, strict=True):
        row[: len(name)] = [numbers.get(letter, len(known)) for letter in name]
    return known, made
