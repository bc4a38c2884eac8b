"""Retrieval between two fields: how often the partner is among the k most similar of the test set.

R@k of a direction is the share of queries, such as images, for which a partner, the text that
belongs to it, is among the k texts of the highest cosine, of all of the test split. A text that
several examples have counts once: as a candidate, and as a query, whose partners are all of its
images. What is as similar as the partner stands before it, so that features that are all alike find
nothing. Chance is that of a random order.
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
        first, second = (subject.features("test", output).features for output in (one, two))
        same = _identities(subject, two)
        different, once, sizes = np.unique(same, return_index=True, return_counts=True)
        if len(different) < 2:
            raise NotMeasured(f"all test examples have the same {other}")
        there, back = f"{name} to {other}", f"{other} to {name}"
        found = {
            there: places(first, second[once], same, different),
            back: places(second[once], first, different, same),
        }
        alone = np.ones(len(different), int)  # partners of a query among the candidates
        partners = {there: (alone, len(different)), back: (sizes, len(same))}
        numbers, chance = {}, {}
        for way, before in found.items():
            for k in self.ranks:
                numbers[f"{way} R@{k}"] = rate(before < k)
                chance[f"{way} R@{k}"] = chance_of(*partners[way], k)
        shown = ", ".join(f"{key} {value:.1%}" for key, value in chance.items())
        notes = [
            f"{len(same):,} examples of {len(different):,} different {other}s; chance: {shown}"
        ]
        return {"numbers": numbers, "chance": chance, "examples": len(same), "notes": notes}


def places(
    queries: np.ndarray, keys: np.ndarray, of_queries: np.ndarray, of_keys: np.ndarray
) -> np.ndarray:
    """Return how many keys that are no partner are at least as similar as the best partner.

    Args:
      queries, keys: float[n, D] and float[m, D], rows of unit length.
      of_queries, of_keys: int[n] and int[m]; equal numbers are partners.

    Returns:
      int[n]; a partner is among the k most similar where it is below k.
    """
    found = []
    for start in range(0, len(queries), _BLOCK):
        scores = queries[start : start + _BLOCK] @ keys.T
        partner = of_queries[start : start + _BLOCK, None] == of_keys
        best = np.where(partner, scores, -np.inf).max(axis=1, keepdims=True)
        found.append(np.sum((scores >= best) & ~partner, axis=1))
    return np.concatenate(found)


def chance_of(partners: np.ndarray, candidates: int, k: int) -> float:
    """Return R@k of a random order: the mean over queries of 1 - C(n - m, k) / C(n, k).

    Args:
      partners: int[q], m of each query.
      candidates: n.
      k: how many are looked at.

    >>> chance_of(np.ones(3, int), 50, 5)
    0.1
    """
    k = min(k, candidates)
    none = [
        math.prod(max(candidates - m - i, 0) / (candidates - i) for i in range(k))
        for m in map(int, partners)
    ]
    return round(1 - float(np.mean(none)), 12)


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
