"""How sure an accuracy is."""

import math

import numpy as np

_Z = 1.959963984540054  # of 95%


def wilson(accuracy: float, count: int) -> tuple[float, float]:
    """95% confidence interval of a rate observed on `count` independent examples.

    It speaks of the test sample alone, not of the spread between training seeds. Unlike the normal
    approximation it stays inside [0, 1] and does not vanish at an accuracy of 0 or 1.

    Wilson, Probable inference, the law of succession, and statistical inference (1927).

    >>> [round(bound, 4) for bound in wilson(0.9, 100)]
    [0.8256, 0.9448]
    """
    z = _Z
    centre = accuracy + z**2 / (2 * count)
    spread = z * math.sqrt(accuracy * (1 - accuracy) / count + z**2 / (4 * count**2))
    scale = 1 + z**2 / count
    return (centre - spread) / scale, (centre + spread) / scale


def paired_difference(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, tuple[float, float]]:
    """Return the difference of two accuracies on the same examples, and its 95% interval.

    With b examples right by us alone and c by them alone, and p = (b + 1) / (n + 2) and
    q = (c + 1) / (n + 2), the interval is

        p - q -+ 1.96 sqrt((p + q - (p - q)^2) / (n + 2))

    Examples that both get right, or neither, say nothing of the difference. So the interval is
    narrower than what the intervals of the two accuracies would give, which count them twice.

    Args:
      ours, theirs: bool[n], whether an example was classified correctly, in the same order.

    Returns:
      (accuracy of ours - accuracy of theirs, (low, high)).

    Bonett and Price, Adjusted Wald confidence interval for a difference of binomial proportions
    based on paired data (2012); recommended by Fagerland, Lydersen and Laake, Recommended tests and
    confidence intervals for paired binomial proportions (2014). It excludes 0 about where McNemar's
    test rejects.

    >>> ours, theirs = np.arange(100) < 90, np.arange(100) < 80
    >>> difference, (low, high) = paired_difference(ours, theirs)
    >>> round(difference, 4), round(low, 4), round(high, 4)
    (0.1, 0.0343, 0.1618)
    """
    ours, theirs = np.asarray(ours, bool), np.asarray(theirs, bool)
    count = len(ours)
    p = (int(np.sum(ours & ~theirs)) + 1) / (count + 2)
    q = (int(np.sum(theirs & ~ours)) + 1) / (count + 2)
    spread = _Z * math.sqrt((p + q - (p - q) ** 2) / (count + 2))
    difference = float(np.mean(ours) - np.mean(theirs))
    return difference, (max(-1.0, p - q - spread), min(1.0, p - q + spread))
