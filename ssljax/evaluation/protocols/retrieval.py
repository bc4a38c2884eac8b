"""Retrieval between two fields: how often the partner is among the k most similar of the test set.

R@k of a direction is the share of examples, such as images, for which the text that belongs to it
is among the k texts of the highest cosine, of all of the test split. Examples whose text is the
same are each other's partners, and one of them is enough. What is as similar as the partner stands
before it, so that features that are all alike find nothing. Chance is that of a random order.
"""

import dataclasses
import math
from typing import Annotated

import numpy as np

from ssljax.evaluation.protocols.base import Protocol, rate
from ssljax.evaluation.subject import NotMeasured
from ssljax.schema import Count, NotEmpty
from ssljax.spec import Value

_BLOCK = 1024  # examples that are compared with all at a time


@dataclasses.dataclass(frozen=True)
class Retrieval(Protocol):
    """R@k in both directions.

    Attributes:
      ranks: the k

    Radford et al. 2021, arXiv:2103.00020, table 13; mlfoundations/open_clip, src/open_clip_train/
    train.py, get_clip_metrics, where every text is another's.
    """

    ranks: Annotated[tuple[Count, ...], NotEmpty()] = (1, 5, 10)

    main = "R@1"

    def measure(self, subject):
        one, two = subject.projections()
        if "test" not in subject.examples.counts:
            raise NotMeasured("it needs a test split")
        name, other = subject.field_of(one), subject.field_of(two)
        first, second = (subject.features("test", output) for output in (one, two))
        same = _identities(subject, two)
        count = len(same)
        if count < 2:
            raise NotMeasured("test has only one example")
        numbers, chance = {}, {}
        for there, queries, keys in (
            (f"{name} to {other}", first.features, second.features),
            (f"{other} to {name}", second.features, first.features),
        ):
            before = places(queries, keys, same)
            for k in self.ranks:
                numbers[f"{there} R@{k}"] = rate(before < k)
        sizes = np.unique(same, return_counts=True)[1]
        for k in self.ranks:
            chance[f"R@{k}"] = chance_of(sizes, k)
        shown = ", ".join(f"{key} {value:.1%}" for key, value in chance.items())
        notes = [f"chance of {count:,} examples, {len(sizes):,} of them different: {shown}"]
        return {"numbers": numbers, "chance": chance, "examples": count, "notes": notes}


def places(queries: np.ndarray, keys: np.ndarray, same: np.ndarray) -> np.ndarray:
    """Return how many keys that are no partner are at least as similar as the best partner.

    Args:
      queries, keys: float[n, D], rows of unit length, of the same examples.
      same: int[n]; keys of an equal number are partners of a query.

    Returns:
      int[n]; the partner is among the k most similar where it is below k.
    """
    found = []
    for start in range(0, len(queries), _BLOCK):
        scores = queries[start : start + _BLOCK] @ keys.T
        partner = same[start : start + _BLOCK, None] == same
        best = np.where(partner, scores, -np.inf).max(axis=1, keepdims=True)
        found.append(np.sum((scores >= best) & ~partner, axis=1))
    return np.concatenate(found)


def chance_of(sizes: np.ndarray, k: int) -> float:
    """Return R@k of a random order, over examples in groups of partners of these sizes.

    A query with m partners among n keys finds none in k draws with the probability
    C(n - m, k) / C(n, k).

    >>> chance_of(np.ones(50, int), 5)
    0.1
    """
    count = int(sizes.sum())
    k = min(k, count)
    found = [
        1 - math.prod((count - size - i) / (count - i) for i in range(k))
        if count - size >= k
        else 1
        for size in map(int, sizes)
    ]
    return round(float(np.average(found, weights=sizes)), 12)


def _identities(subject, output: str) -> np.ndarray:
    """Return a number for each test example, equal where the field of an output is equal."""
    name, rows = subject.field_of(output), {}
    for batch in subject.examples.read("test", also=(name,)):
        value = batch[name]
        if isinstance(value, Value):
            value = np.where(_wide(value.segments, value.data) > 0, value.data, -1)
        for number, one, valid in zip(batch["id"], value, batch["valid"], strict=True):
            if valid:
                rows[int(number)] = np.ascontiguousarray(one).tobytes()
    return np.unique([rows[number] for number in sorted(rows)], return_inverse=True)[1]


def _wide(segments: np.ndarray, data: np.ndarray) -> np.ndarray:
    return segments.reshape(segments.shape + (1,) * (data.ndim - segments.ndim))
