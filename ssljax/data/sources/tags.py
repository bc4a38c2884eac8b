"""Tags: a class for each word of a text, and then for each token (named entities, parts of speech).

A record has the words of a text and a tag for each, as CoNLL's data sets have them:

    {"tokens": ["EU", "rejects", "German", "call"], "tags": ["B-ORG", "O", "B-MISC", "O"]}

The text is the words with a blank between each two, and the tokenizer of the run cuts it. The first
token of a word has the tag of the word; others, begin and end tokens, and padding have none, -1
(BERT, section 5.3 of arXiv:1810.04805). A number below 0, such as -100, is no tag.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ssljax.errors import UserError

NONE, AFTER = -1, -2  # of a token without a tag; beyond the end of a text


def joined(words: Sequence[Any]) -> str:
    """Return the text of words.

    Raises:
      ValueError: what is no list of words; the message says why.
    """
    if not all(isinstance(word, str) for word in words):
        raise ValueError("is a list, and not of words alone")
    text = " ".join(words)
    if text.split() != list(words):
        raise ValueError("has an empty word, or one with white space")
    return text


def padded(tags: Sequence[Sequence[int]]) -> np.ndarray:
    """Return the tags of texts as int32[n, N], `AFTER` beyond the end of each."""
    found = np.full((len(tags), max(map(len, tags), default=0)), AFTER, np.int32)
    for row, own in zip(found, tags, strict=True):
        row[: len(own)] = np.maximum(own, NONE)
    return found


def numbered(found: dict[str, Sequence[Sequence[Any]]], what: str) -> tuple[list[str] | None, int]:
    """Return the names of the tags of all splits, if they have names, and how many there are.

    Raises:
      UserError: they are neither strings nor whole numbers.
    """
    every = {tag for own in found.values() for tags in own for tag in tags}
    if every and all(isinstance(tag, str) for tag in every):
        return sorted(every), len(every)
    if not all(type(tag) is int for tag in every):
        raise UserError(
            f"the tags of {what} must be strings or whole numbers, one for each word of a text"
        )
    if max(every, default=-1) < 0:
        raise UserError(f"no word of {what} has a tag: all are below 0")
    return None, 1 + max(every)


def of_tokens(texts: Sequence[str], tags: np.ndarray, places: Sequence[np.ndarray]) -> np.ndarray:
    """Return the tags of tokens, int32[n, N], of those of words.

    Args:
      texts: n of them.
      tags: int32[n, W], of the words of each text.
      places: for each text int[N], the place in the text of the last character of each token; -1:
        of none.
    """
    return padded([_of_one(*one) for one in zip(texts, tags, places, strict=True)])


def _of_one(text: str, tags: np.ndarray, places: np.ndarray) -> np.ndarray:
    blank = np.array([letter == " " for letter in text])
    word = np.where(blank, -1, np.cumsum(blank))  # of each character
    own = np.where(places < 0, -1, word[places])
    known, first = np.unique(own, return_index=True)
    found = np.full(len(places), NONE, np.int32)
    found[first[known >= 0]] = tags[known[known >= 0]]
    return found
