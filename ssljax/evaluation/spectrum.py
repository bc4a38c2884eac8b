"""Signs of collapse that need no labels."""

from typing import NamedTuple

import numpy as np

_FIRST, _LAST = 4, 100  # ranks of the eigenvalues that a power law is fitted to
_NUMERICAL_ZERO = 1e-12  # of the largest eigenvalue; rounding of float32 features leaves 1e-14


def rankme(features: np.ndarray, *, limit: int = 25_600) -> float:
    """Effective rank of a feature matrix: exp of the entropy of its normalised singular values.

        p_k = s_k / sum(s) + 1e-7;  RankMe = exp(-sum_k p_k log p_k)

    White features give D, features on a line about 1. It compares encoders on the same data; it is
    not an accuracy.

    Args:
      features: float [N, D], not centred. All zeros count as rank 0.
      limit: use at most so many rows, evenly spaced.

    Garrido et al., RankMe: Assessing the downstream performance of pretrained self-supervised
    representations by their rank (2023).
    """
    rows = np.asarray(evenly(features, limit), np.float64)
    # The smaller Gram matrix has the squared singular values, at a fraction of an SVD's cost.
    gram = rows @ rows.T if len(rows) < rows.shape[1] else rows.T @ rows
    singular = np.sqrt(np.maximum(np.linalg.eigvalsh(gram), 0))
    if not singular.sum():
        return 0.0
    p = singular / singular.sum() + 1e-7
    return float(np.exp(-np.sum(p * np.log(p))))


class PowerLaw(NamedTuple):
    """The line fitted to the logarithms of a covariance's eigenvalues, over those of their ranks.

    Attributes:
      alpha: minus its slope.
      r2: share of the spread of the logarithms that the line explains; 1 where there is none.
      first: rank of the first eigenvalue that was used, from 1.
      last: rank of the last one.
    """

    alpha: float
    r2: float
    first: int
    last: int


def alpha_req(
    features: np.ndarray, *, first: int = _FIRST, last: int = _LAST, limit: int = 25_600
) -> PowerLaw | None:
    """Return the exponent alpha of the decay of the eigenvalues, lambda_j ~ j^-alpha.

        min over alpha, c of  sum_{j=first}^{last} 1/j (log lambda_j + alpha log j - c)^2

    where lambda_1 >= lambda_2 >= ... are the eigenvalues of the covariance of the features. White
    features give 0, a long tail of directions without variance a large alpha. Values near 1 went
    with the best linear probes in the paper. It compares encoders on the same data.

    Args:
      features: float [N, D].
      first, last: ranks that the fit uses, as the official code's `np.arange(3, 100)`. Ranks
        beyond the last eigenvalue that is not 0 are left out.
      limit: use at most so many rows, evenly spaced.

    Returns:
      None where fewer than 3 ranks are left: no line can be judged by two points.

    Agrawal et al., alpha-ReQ: Assessing representation quality in self-supervised learning by
    measuring eigenspectrum decay (2022). The weights 1/j are those of its code, from Stringer et
    al. 2019. Its R2 goes on to rank 500; here it is that of the ranks that were fitted.
    """
    rows = np.asarray(evenly(features, limit), np.float64)
    rows = rows - rows.mean(axis=0)
    # Those of the smaller Gram matrix; a common factor moves the line, not its slope.
    gram = rows @ rows.T if len(rows) < rows.shape[1] else rows.T @ rows
    values = np.linalg.eigvalsh(gram)[::-1]
    rank = int(np.sum(values > _NUMERICAL_ZERO * max(values[0], 0)))
    last = min(last, rank)
    if last - first < 2:
        return None
    ranks = np.arange(first, last + 1)
    x, y, weight = np.log(ranks), np.log(values[first - 1 : last]), 1 / ranks
    x_mean, y_mean = (np.average(one, weights=weight) for one in (x, y))
    slope = np.sum(weight * (x - x_mean) * (y - y_mean)) / np.sum(weight * (x - x_mean) ** 2)
    left = np.sum((y - y_mean - slope * (x - x_mean)) ** 2)
    spread = np.sum((y - y.mean()) ** 2)
    r2 = 1 - left / spread if spread > 1e-12 * len(y) else 1.0
    return PowerLaw(float(-slope), float(r2), first, last)


def unit_std(features: np.ndarray) -> float:
    """Spread of the L2-normalised features: sqrt(D) * mean over dimensions of their std.

    1 when the directions are spread evenly over the sphere, 0 when all examples have the same
    direction. SimSiam (Chen and He 2021, figure 2) plots it without the sqrt(D).
    """
    rows = np.asarray(features, np.float64)
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = rows / np.where(norm > 0, norm, 1)
    return float(np.sqrt(rows.shape[1]) * unit.std(axis=0).mean())


def evenly(rows: np.ndarray, limit: int) -> np.ndarray:
    """At most `limit` of the rows, evenly spaced."""
    if len(rows) <= limit:
        return rows
    return rows[np.arange(limit) * len(rows) // limit]
