"""Ridge regression of several targets on frozen features, and its scores."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.stats

STRENGTHS = tuple(10.0**power for power in range(-6, 4))


class Regression(NamedTuple):
    """prediction = (x - mean) / scale @ weights + offset."""

    weights: np.ndarray  # [D, K]
    mean: np.ndarray  # [D]
    scale: np.ndarray  # [D], 1 where a feature does not vary
    offset: np.ndarray  # [K]

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return float64[n, K]."""
        return (np.asarray(features, np.float64) - self.mean) / self.scale @ self.weights + (
            self.offset
        )


def path(features: np.ndarray, targets: np.ndarray, strengths: Sequence[float]) -> list[Regression]:
    """Fit for every strength: min over W of mean_i |y_i - W' x_i - b|^2 + strength |W|^2.

    x are the features standardised by the mean and deviation of the rows given. One
    eigendecomposition serves all strengths: of the products of features, or of examples where these
    are fewer. scikit-learn's alpha is n * strength. float64.

    Args:
      features: float[n, D].
      targets: float[n, K].
      strengths: above 0.
    """
    x, y = np.asarray(features, np.float64), np.asarray(targets, np.float64)
    mean, scale, offset = x.mean(axis=0), x.std(axis=0), y.mean(axis=0)
    scale = np.where(scale > 1e-6 * (1e-30 + np.abs(mean)), scale, np.inf)
    x = (x - mean) / scale
    if len(x) < x.shape[1]:
        values, vectors = np.linalg.eigh(x @ x.T / len(x))
        projected, basis = vectors.T @ ((y - offset) / len(x)), x.T @ vectors
    else:
        values, vectors = np.linalg.eigh(x.T @ x / len(x))
        projected, basis = vectors.T @ (x.T @ (y - offset) / len(x)), vectors
    return [
        Regression(
            basis @ (projected / (np.maximum(values, 0) + strength)[:, None]),
            mean,
            scale,
            offset,
        )
        for strength in strengths
    ]


def scores(predicted: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """Return "R2", "MSE" and "Spearman", each the mean over the targets [n, K].

    R2 is 1 - squared error / squared deviation from the mean of `targets`; Spearman is Pearson's
    correlation of ranks, ties sharing theirs. Targets that do not vary are left out of both; 0
    where none does.
    """
    targets = np.asarray(targets, np.float64)
    error = np.mean((predicted - targets) ** 2, axis=0)
    spread = np.var(targets, axis=0)
    varies = spread > 0
    if not varies.any():
        return {"R2": 0.0, "MSE": float(error.mean()), "Spearman": 0.0}
    ranks = [scipy.stats.rankdata(one[:, varies], axis=0) for one in (predicted, targets)]
    return {
        "R2": float(np.mean(1 - error[varies] / spread[varies])),
        "MSE": float(error.mean()),
        "Spearman": float(np.mean(_correlation(*ranks))),
    }


def _correlation(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    one, two = one - one.mean(axis=0), two - two.mean(axis=0)
    norms = np.sqrt((one**2).sum(axis=0) * (two**2).sum(axis=0))
    return (one * two).sum(axis=0) / np.where(norms > 0, norms, 1)
