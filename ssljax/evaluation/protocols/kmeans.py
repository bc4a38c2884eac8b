"""k-means clusters of the features against the classes: NMI, ARI, matched accuracy.

Clusters are found on train without labels, as many as there are classes, by the cosine of centred
features. Each is given a class by the best one-to-one matching on train. Test examples belong to
the nearest centroid, and are scored. The interval is over seeds of the first centroids.
"""

import dataclasses
import functools
from typing import Annotated

import jax
import numpy as np

from ssljax.evaluation.clusters import (
    adjusted_rand_index,
    matching,
    normalized_mutual_information,
)
from ssljax.evaluation.features import on_host
from ssljax.evaluation.few_labels import mean_interval
from ssljax.evaluation.protocols.base import PERCENT, Protocol, number
from ssljax.ops.kmeans import spherical_kmeans
from ssljax.schema import AtLeast, AtMost, Count, CountOrNone


@dataclasses.dataclass(frozen=True)
class KMeans(Protocol):
    """Clustering by spherical k-means, scored against the classes.

    Attributes:
      clusters: number of them; 0: of the classes
      iterations: updates of the centroids
      seeds: how often it starts anew
    """

    clusters: CountOrNone = 0
    iterations: Count = 30
    seeds: Annotated[int, AtLeast(2), AtMost(1000)] = 5

    main = "NMI"

    def measure(self, subject):
        subject.require_labels()
        train, test = subject.features("train"), subject.features("test")
        values, classes = np.unique(train.labels, return_inverse=True)
        mean = train.features.mean(axis=0)
        rows = subject.place_padded(train.features - mean)
        where = np.arange(len(rows)) < len(classes)
        asked = test.features - mean
        truth = np.unique(test.labels, return_inverse=True)[1]
        found: dict[str, list[float]] = {"NMI": [], "ARI": [], "accuracy, matched": []}
        for seed in range(self.seeds):
            count = min(self.clusters or len(values), len(classes))
            made = _clustered(rows, np.uint32(seed), where, count, self.iterations)
            centroids, groups = map(on_host, made)
            groups = groups[: len(classes)]
            nearest = np.argmax(asked @ centroids.T, axis=1)
            matched = matching(groups, classes)
            matched = np.append(matched, np.full(len(centroids) - len(matched), -1))
            guessed = np.where(matched >= 0, values[matched], np.iinfo(np.int64).min)[nearest]
            found["NMI"].append(normalized_mutual_information(nearest, truth))
            found["ARI"].append(adjusted_rand_index(nearest, truth))
            found["accuracy, matched"].append(float(np.mean(guessed == test.labels)))
        numbers = {
            name: number(*mean_interval(each), unit=PERCENT, draws=each)
            for name, each in found.items()
        }
        return {"numbers": numbers}


@functools.partial(jax.jit, static_argnums=(3, 4))
def _clustered(rows, seed, where, clusters: int, iterations: int):
    key = jax.random.key(seed)  # made here: an array of one host would not go with those of all
    return spherical_kmeans(rows, key, clusters=clusters, iterations=iterations, where=where)
