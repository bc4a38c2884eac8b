"""The area under the ROC curve, and its confidence interval."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.optimize
import scipy.stats

_Z = 1.959963984540054  # of 95%


class Area(NamedTuple):
    """The area under an ROC curve.

    Attributes:
      area: from 0 to 1.
      interval: of 95%, over the examples that were scored.
      each: float[n], what each example contributes: their mean is the area, and the standard error
        of the mean of a difference of two areas' is that of DeLong's test for paired areas.
    """

    area: float
    interval: tuple[float, float]
    each: np.ndarray


def auroc(scores: np.ndarray, positive: np.ndarray) -> Area:
    """Return the probability that a positive example is scored above a negative one.

    Ties count half: the area is the Mann-Whitney statistic over the number of pairs. Its variance
    is DeLong's: for either kind the variance of the share of the other kind that an example is
    above or below, divided by the number of its kind; the sum of both. The interval is that of the
    logit of the area, so that it stays in [0, 1]. DeLong's variance is 0 where the area is 0 or 1,
    and not there with one example of a kind; then the interval holds all A with |area - A| <= 1.96
    sd(A), by Hanley and McNeil's formula for sd.

    Args:
      scores: float[n]; the higher, the more likely positive.
      positive: bool[n], of both kinds.

    Raises:
      ValueError: there are no examples of one kind, or the shapes do not fit.

    DeLong, DeLong and Clarke-Pearson, Comparing the areas under two or more correlated receiver
    operating characteristic curves (1988), by ranks as Sun and Xu (2014). The logit: Pepe, The
    statistical evaluation of medical tests (2003), section 5.2. Hanley and McNeil, The meaning and
    use of the area under a receiver operating characteristic curve (1982), in the score interval of
    Newcombe, Confidence intervals for an effect size measure based on the Mann-Whitney statistic,
    part 2 (2006).

    >>> auroc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])).area
    0.75
    """
    return mean_auroc([(scores, positive)])


def mean_auroc(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> Area:
    """Return the mean of the areas of several scores of the same examples.

    Its variance is DeLong's, too: an example adds to it what it adds to the mean of the areas, so
    that the areas' dependence is accounted for. Where it is 0, or there is one example of a kind,
    the bounds are the means of those of the areas, as if they were not less certain together.

    Args:
      pairs: (scores float[n], positive bool[n]), at least one, as `auroc` takes them.
    """
    parts = [_parts(scores, positive) for scores, positive in pairs]
    area = float(np.mean([one.area for one in parts]))
    pull = np.mean([one.pull for one in parts], axis=0)
    variance, each = float(np.sum(pull**2)), area + len(pull) * pull
    if area in (0.0, 1.0) or any(min(one.counts) == 1 for one in parts):
        bounds = [
            (_score_bound(one.area, m, n), 1 - _score_bound(1 - one.area, n, m))
            for one in parts
            for m, n in [one.counts]
        ]
        return Area(area, tuple(np.mean(bounds, axis=0).tolist()), each)
    spread = _Z * math.sqrt(variance) / (area * (1 - area))
    logit = math.log(area / (1 - area))
    low, high = (1 / (1 + math.exp(-x)) for x in (logit - spread, logit + spread))
    return Area(area, (low, high), each)


class _Parts(NamedTuple):
    area: float
    pull: np.ndarray  # float[n], of each example on the area: its squares add up to the variance
    counts: tuple[int, int]  # positive, negative


def _parts(scores: np.ndarray, positive: np.ndarray) -> _Parts:
    scores, positive = np.asarray(scores, np.float64), np.asarray(positive, bool)
    if scores.ndim != 1 or scores.shape != positive.shape:
        raise ValueError(f"scores and positive must be [n]: {scores.shape}, {positive.shape}")
    m, n = int(positive.sum()), int((~positive).sum())
    if not m or not n:
        raise ValueError(f"an ROC curve needs examples of both kinds: {m} positive, {n} negative")
    rank = scipy.stats.rankdata(scores)  # midranks of ties
    # Of each positive the share of negatives below it, of each negative that of positives above.
    above = (rank[positive] - scipy.stats.rankdata(scores[positive])) / n
    below = 1 - (rank[~positive] - scipy.stats.rankdata(scores[~positive])) / m
    area, pull = float(above.mean()), np.empty(len(scores))
    pull[positive] = (above - area) / math.sqrt(m * max(m - 1, 1))
    pull[~positive] = (below - area) / math.sqrt(n * max(n - 1, 1))
    return _Parts(area, pull, (m, n))


def _score_bound(area: float, m: int, n: int) -> float:
    """Return the least A with area - A <= 1.96 sd(A)."""

    def beyond(low):
        q1, q2 = low / (2 - low), 2 * low**2 / (1 + low)
        spread = low * (1 - low) + (m - 1) * (q1 - low**2) + (n - 1) * (q2 - low**2)
        return area - low - _Z * math.sqrt(max(spread, 0) / (m * n))

    # At A = 1 sd is 0, too, and just below it greater than the distance.
    return scipy.optimize.brentq(beyond, 0, min(area, 1 - 1e-9)) if area > 0 else 0.0
