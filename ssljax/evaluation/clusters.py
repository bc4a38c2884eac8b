"""How well clusters agree with classes: NMI, ARI, and the accuracy of the best matching."""

import numpy as np
import scipy.optimize


def contingency(clusters: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return int[K, C], how many examples are of each cluster and class, numbered from 0."""
    found = np.zeros((clusters.max() + 1, classes.max() + 1), np.int64)
    np.add.at(found, (clusters, classes), 1)
    return found


def normalized_mutual_information(clusters: np.ndarray, classes: np.ndarray) -> float:
    """Return 2 I(clusters; classes) / (H(clusters) + H(classes)); 1 if both are one group.

    As scikit-learn's normalized_mutual_info_score.
    """
    joint = contingency(clusters, classes) / len(clusters)
    one, two = joint.sum(axis=1), joint.sum(axis=0)
    both = _entropy(one) + _entropy(two)
    if both == 0:
        return 1.0
    mutual = both - _entropy(joint)
    return float(max(0.0, 2 * mutual / both))


def adjusted_rand_index(clusters: np.ndarray, classes: np.ndarray) -> float:
    """Return (R - E) / (M - E), R the pairs that are together in both groupings, E their expected
    number for random groupings of these sizes, M the mean of the pairs in each; 1 where M = E.

    Hubert and Arabie, Comparing partitions (1985).
    """
    found = contingency(clusters, classes)
    together = _pairs(found).sum()
    one, two = _pairs(found.sum(axis=1)).sum(), _pairs(found.sum(axis=0)).sum()
    expected = one * two / max(1.0, float(_pairs(np.array(len(clusters)))))
    most = (one + two) / 2
    return 1.0 if most == expected else float((together - expected) / (most - expected))


def matching(clusters: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return int[K], the class of each cluster in the one-to-one matching with the most examples
    right (Kuhn 1955); -1 for clusters beyond the number of classes."""
    found = contingency(clusters, classes)
    rows, columns = scipy.optimize.linear_sum_assignment(found, maximize=True)
    matched = np.full(len(found), -1)
    matched[rows] = columns
    return matched


def _pairs(count: np.ndarray) -> np.ndarray:
    count = count.astype(np.float64)
    return count * (count - 1) / 2


def _entropy(p: np.ndarray) -> float:
    p = p[p > 0]
    return float(-np.sum(p * np.log(p)))
