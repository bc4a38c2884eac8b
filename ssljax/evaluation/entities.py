"""Entities in texts: spans of tokens whose tags are "B-TYPE", "I-TYPE" and "O"."""

from collections.abc import Sequence

import numpy as np


def are_entities(names: Sequence[str]) -> bool:
    """Say whether names of tags are "O", "B-TYPE" and "I-TYPE", and not of "O" alone."""
    return any(name != "O" for name in names) and all(
        name == "O" or (name[:2] in ("B-", "I-") and len(name) > 2) for name in names
    )


def spans(tags: Sequence[str]) -> set[tuple[int, int, str]]:
    """Return the entities of a text as (first, after the last, type).

    One starts at "B-TYPE", and at an "I-TYPE" that does not go on with an entity of its type; it
    goes on over each "I-TYPE" that follows. So count conlleval, the script of CoNLL-2003, and
    seqeval by default.

    >>> sorted(spans(["B-PER", "I-PER", "O", "I-LOC", "B-LOC"]))
    [(0, 2, 'PER'), (3, 4, 'LOC'), (4, 5, 'LOC')]
    """
    found, start, kind = set(), 0, ""
    for place, tag in enumerate([*tags, "O"]):
        goes_on = kind and tag == f"I-{kind}"
        if kind and not goes_on:
            found.add((start, place, kind))
            kind = ""
        if not goes_on and tag != "O":
            start, kind = place, tag[2:]
    return found


def count_entities(
    predicted: np.ndarray, true: np.ndarray, names: Sequence[str]
) -> tuple[int, int, int]:
    """Return how many entities of a text are right, predicted, and there.

    Args:
      predicted, true: int[N], numbers of tags of the tokens that have one.
      names: of the tags; a number beyond them counts as "O".
    """
    found, wanted = (
        spans([names[tag] if tag < len(names) else "O" for tag in tags])
        for tags in (predicted, true)
    )
    return len(found & wanted), len(found), len(wanted)
