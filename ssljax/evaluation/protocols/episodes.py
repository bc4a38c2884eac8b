"""Few-shot episodes: the accuracy of the nearest class mean among N classes of K examples each.

An episode draws N classes of the test split, and of each K examples to learn from (the support) and
others to be told. A prototype is the mean of the features of a class's support; a query belongs to
the class of the nearest. Nothing is trained, so classes need not occur in train. Every encoder sees
the same episodes. The interval is over episodes: it speaks of which examples and classes are drawn
of this test split.
"""

import dataclasses
import math
from typing import Annotated, Literal

import numpy as np

from ssljax.evaluation.protocols.base import PERCENT, Protocol, number
from ssljax.evaluation.subject import NotMeasured
from ssljax.schema import AtLeast, AtMost, Count, NotEmpty

_LEAST = 1e-12  # length below which a vector is 0


@dataclasses.dataclass(frozen=True)
class Episodes(Protocol):
    """Mean accuracy of episodes. Chance is 1 / ways.

    Attributes:
      ways: classes of an episode
      shots: examples of each class to learn from
      queries: examples of each class that are told
      episodes: their number, for each number of shots
      scaled: "cl2": the mean of train is subtracted and features have unit length; "l2": unit
        length alone; "": as they are

    Snell et al. 2017, Prototypical networks for few-shot learning, arXiv:1703.05175 (squared
    Euclidean distance, 15 queries, 600 episodes); Wang et al. 2019, SimpleShot, arXiv:1911.04623
    (features of an encoder that is not trained on episodes, CL2N).
    """

    ways: Annotated[int, AtLeast(2), AtMost(10_000)] = 5
    shots: Annotated[tuple[Count, ...], NotEmpty()] = (1, 5)
    queries: Count = 15
    episodes: Annotated[int, AtLeast(2), AtMost(100_000)] = 600
    scaled: Literal["cl2", "l2", ""] = "cl2"

    main = "accuracy, 5 way 1 shot"

    def measure(self, subject):
        subject.require_labels()
        test = subject.features("test")
        rows = test.features.astype(np.float64)
        if self.scaled == "cl2":
            rows = rows - subject.features("train").features.mean(axis=0, dtype=np.float64)
        if self.scaled:
            length = np.linalg.norm(rows, axis=1, keepdims=True)
            rows = np.divide(rows, length, out=np.zeros_like(rows), where=length > _LEAST)
        numbers, notes = {}, [f"chance: {1 / self.ways:.1%}"]
        for shots in self.shots:
            classes = members(test.labels, shots + self.queries)
            every = len(np.unique(test.labels[test.labels >= 0]))
            if len(classes) < self.ways:
                raise NotMeasured(
                    f"{len(classes)} of {every} classes have {shots} + {self.queries} test "
                    f"examples, and an episode takes {self.ways}; set episodes.ways or "
                    "episodes.queries lower"
                )
            if len(classes) < every:
                notes.append(
                    f"{shots} shots: {every - len(classes)} of {every} classes have too few test "
                    "examples and are left out"
                )
            # Not of the run's seed: runs of several seeds see the same episodes.
            generator = np.random.default_rng(shots)
            scores = np.array(
                [
                    accuracy(rows, draw(classes, self.ways, shots + self.queries, generator), shots)
                    for _ in range(self.episodes)
                ]
            )
            half = 1.96 * scores.std(ddof=1) / math.sqrt(len(scores))
            interval = max(0.0, scores.mean() - half), min(1.0, scores.mean() + half)
            name = f"accuracy, {self.ways} way {shots} shot"
            numbers[name] = number(scores.mean(), interval, unit=PERCENT, draws=scores)
        return {"numbers": numbers, "chance": 1 / self.ways, "notes": notes}


def members(labels: np.ndarray, least: int) -> list[np.ndarray]:
    """Return the positions of each class that has at least so many examples; -1 is no class."""
    found = [np.flatnonzero(labels == label) for label in np.unique(labels[labels >= 0])]
    return [one for one in found if len(one) >= least]


def draw(
    classes: list[np.ndarray], ways: int, count: int, generator: np.random.Generator
) -> np.ndarray:
    """Return positions int[ways, count]: of so many classes so many examples, none twice."""
    chosen = generator.choice(len(classes), ways, replace=False)
    return np.stack([generator.choice(classes[one], count, replace=False) for one in chosen])


def accuracy(rows: np.ndarray, episode: np.ndarray, shots: int) -> float:
    """Return the share of queries that are nearest to the prototype of their class.

    Args:
      rows: float[n, D], the features of all examples.
      episode: int[ways, shots + queries], positions; the first of each class are its support.
      shots: their number.
    """
    support, queries = rows[episode[:, :shots]].mean(axis=1), rows[episode[:, shots:]]
    # |q - s|^2 without |q|^2, which is the same for all prototypes.
    distance = (support**2).sum(axis=1) - 2 * queries @ support.T  # [ways, queries, ways]
    return float(np.mean(distance.argmin(axis=-1) == np.arange(len(episode))[:, None]))
