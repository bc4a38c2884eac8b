"""In how many texts of a data set each token is: the weights of tf-idf."""

from collections.abc import Iterable

import numpy as np

from ssljax.data.sources.base import Source
from ssljax.ops.tf_idf import column, columns_of
from ssljax.spec import Value


def inverse_frequency(source: Source, name: str, vocab: int, examples: Iterable[int]) -> np.ndarray:
    """Return the inverse document frequency of every column, float32 [C], see `tf_idf`.

    Args:
      source: of texts, strings or ids, of any lengths.
      name: of the field.
      vocab: number of ids.
      examples: numbers of those that are read.
    """
    found, count = np.zeros(columns_of(vocab)), 0
    for index in examples:
        ids = _ids(source[int(index)][name])
        found[np.unique(column(ids, vocab))] += 1
        count += 1
    return (np.log((1 + count) / (1 + found)) + 1).astype(np.float32)


def _ids(value: str | Value | np.ndarray | tuple) -> np.ndarray:
    """Return the ids of a text, of several captions those of the first."""
    if isinstance(value, tuple):
        return _ids(value[0])
    if isinstance(value, str):
        return np.frombuffer(value.encode(), np.uint8).astype(np.int32)
    if isinstance(value, Value):
        return np.asarray(value.data)[np.asarray(value.segments) > 0]
    return np.asarray(value)[np.asarray(value) >= 0]
