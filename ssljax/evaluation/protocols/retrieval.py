"""Retrieval between two fields: how often the partner is among the k most similar of the test set.

R@k of a direction is the share of queries, such as images, for which a partner, a text that belongs
to it, is among the k texts of the highest cosine, of all of the test split. An image, a text or a
sound that several examples have counts once: as a candidate, and as a query, whose partners are all
that it stands with. What is as similar as the partner stands before it, so that features that are
all alike find nothing. Chance is that of a random order. Where queries share a partner, as several
recordings of one image do, the interval is the bootstrap's over the partners.
"""

import dataclasses
import hashlib
import itertools
import math
from typing import Annotated, Any

import numpy as np

from ssljax.errors import UserError, unknown
from ssljax.evaluation.bootstrap import bootstrap
from ssljax.evaluation.protocols.base import PERCENT, Protocol, number, rate
from ssljax.evaluation.subject import NotMeasured
from ssljax.schema import Count, NotEmpty
from ssljax.spec import Value

_BLOCK = 1024  # queries that are compared with all candidates at a time


@dataclasses.dataclass(frozen=True)
class Retrieval(Protocol):
    """R@k in both directions.

    Attributes:
      ranks: the k
      fields: names of the two that are compared; (): every two that the objective compares

    Radford et al. 2021, arXiv:2103.00020, table 13; mlfoundations/open_clip, src/open_clip_train/
    train.py, get_clip_metrics, where every text is another's.
    """

    ranks: Annotated[tuple[Count, ...], NotEmpty()] = (1, 5, 10)
    fields: tuple[str, ...] = ()

    main = "R@1"

    def measure(self, subject):
        outputs = {subject.field_of(output): output for output in subject.projections()}
        if "test" not in subject.examples.counts:
            raise NotMeasured("it needs a test split")
        for name in self.fields:
            if name not in outputs:
                raise unknown("field of retrieval.fields", name, outputs)
        if self.fields and len({*self.fields}) != 2:
            raise UserError(f"retrieval.fields={self.fields!r} must name two fields")
        numbers, chance, notes = {}, {}, []
        here = {*subject.examples.fields, *subject.examples.further}
        wanted = self.fields or [name for name in outputs if name in here]
        if len(wanted) < 2:
            wanted = outputs  # which says what is missing
        for names in itertools.combinations(wanted, 2):
            found = self._between(subject, *names, *(outputs[name] for name in names))
            numbers |= found["numbers"]
            chance |= found["chance"]
            notes += found["notes"]
        examples = subject.examples.counts["test"]
        return {"numbers": numbers, "chance": chance, "examples": examples, "notes": notes}

    def _between(self, subject, name, other, one, two) -> dict[str, Any]:
        rows = [subject.features("test", output).features for output in (one, two)]
        ids = [_identities(subject, output) for output in (one, two)]
        once = [np.unique(same, return_index=True)[1] for same in ids]
        for field, places_of in ((name, once[0]), (other, once[1])):
            if len(places_of) < 2:
                raise NotMeasured(f"all test examples have the same {field}")
        first, second = (own[chosen] for own, chosen in zip(rows, once, strict=True))
        pairs = np.unique(np.stack(ids, axis=1), axis=0)
        numbers, chance = {}, {}
        for way, queries, keys, partners in (
            (f"{name} to {other}", first, second, pairs),
            (f"{other} to {name}", second, first, pairs[:, ::-1]),
        ):
            before = places(queries, keys, partners)
            for k in self.ranks:
                numbers[f"{way} R@{k}"] = _share(before < k, partners)
                counts = np.bincount(partners[:, 0])
                chance[f"{way} R@{k}"] = chance_of(counts, len(keys), k)
        shown = ", ".join(f"{key} {value:.1%}" for key, value in chance.items())
        unlike = f"{len(second):,} different {other}s"
        if len(first) < len(ids[0]):
            unlike = f"{len(first):,} different {name}s and {unlike}"
        notes = [f"{len(ids[0]):,} examples of {unlike}; chance: {shown}"]
        return {"numbers": numbers, "chance": chance, "notes": notes}


def _share(right: np.ndarray, partners: np.ndarray) -> dict[str, Any]:
    """Return the number of a share of queries; `partners` as `places` takes them."""
    queries, at = np.unique(partners[:, 0], return_index=True)
    of = np.unique(partners[at, 1], return_inverse=True)[1]  # the first partner of each query
    if of.max() + 1 == len(queries):
        return rate(right)
    hits, sizes = np.bincount(of, right), np.bincount(of)

    def score(chosen: np.ndarray) -> dict[str, float]:
        return {"": float(hits[chosen].sum() / sizes[chosen].sum())}

    resamples = bootstrap(score, len(sizes))[""]
    found = number(float(np.mean(right)), unit=PERCENT, resamples=resamples)
    return found | {"examples": len(right)}


def places(queries: np.ndarray, keys: np.ndarray, partners: np.ndarray) -> np.ndarray:
    """Return how many keys that are no partner are at least as similar as the best partner.

    Args:
      queries, keys: float[n, D] and float[m, D], rows of unit length.
      partners: int[p, 2], numbers of a query and of a key that belong together, each pair once;
        every query has one.

    Returns:
      int[n]; a partner is among the k most similar where it is below k.
    """
    partners = partners[np.argsort(partners[:, 0], kind="stable")]
    found = []
    for start in range(0, len(queries), _BLOCK):
        scores = queries[start : start + _BLOCK] @ keys.T
        low, high = np.searchsorted(partners[:, 0], (start, start + len(scores)))
        own = partners[low:high]
        partner = np.zeros(scores.shape, bool)
        partner[own[:, 0] - start, own[:, 1]] = True
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
        for place, one, valid in zip(batch["id"], value, batch["valid"], strict=True):
            if valid:
                digest = hashlib.blake2b(np.ascontiguousarray(one)).digest()
                rows[int(place)] = digest
    return np.unique([rows[number] for number in sorted(rows)], return_inverse=True)[1]


def _wide(segments: np.ndarray, data: np.ndarray) -> np.ndarray:
    return segments.reshape(segments.shape + (1,) * (data.ndim - segments.ndim))
