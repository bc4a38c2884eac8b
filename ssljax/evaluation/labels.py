"""Logistic regression for each of several labels, and average precision."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize

STRENGTHS = tuple(10.0**power for power in range(0, -7, -1))


def average_precision(scores: np.ndarray, truth: np.ndarray) -> float:
    """Return sum_n (R_n - R_{n-1}) P_n over the thresholds between different scores, falling.

    As scikit-learn's average_precision_score. nan without a positive example.

    Args:
      scores: float[n].
      truth: bool[n].
    """
    order = np.argsort(-scores, kind="stable")
    truth, scores = np.asarray(truth, bool)[order], scores[order]
    last = np.append(scores[1:] != scores[:-1], True)  # of the examples with one score
    hits = np.cumsum(truth)[last]
    if not hits[-1]:
        return float("nan")
    precision = hits / (np.flatnonzero(last) + 1)
    return float(np.sum(np.diff(hits, prepend=0) / hits[-1] * precision))


def mean_average_precision(scores: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean over the labels [n, K] that some example has; 0 if none is there."""
    each = [average_precision(*pair) for pair in zip(scores.T, truth.T, strict=True)]
    each = [one for one in each if one == one]
    return float(np.mean(each)) if each else 0.0


def path(
    features: np.ndarray, truth: np.ndarray, strengths: Sequence[float]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return (weights [D, K], bias [K]) for every strength, each from where the last ended.

        min over W, b of  mean_i sum_k -log p(y_ik) + l2 / 2 * sum W^2

    where p is the sigmoid of x W + b: a logistic regression for each label. In the terms of
    scikit-learn C = 1 / (n * l2). L-BFGS until no entry of the gradient exceeds 1e-4 / K.

    Args:
      features: float[n, D], standardised.
      truth: 0 or 1, [n, K].
      strengths: best from the strongest to the weakest.
    """
    x, y = jnp.asarray(features, jnp.float32), jnp.asarray(truth, jnp.float32)
    shape = (x.shape[1] + 1, y.shape[1])
    start, found = np.zeros(shape), []
    for l2 in strengths:

        def objective(flat: np.ndarray, l2: float = l2) -> tuple[float, np.ndarray]:
            value, slope = _objective(jnp.asarray(flat.reshape(shape), jnp.float32), x, y, l2)
            return float(value), np.asarray(slope, np.float64).ravel()

        result = scipy.optimize.minimize(
            objective,
            start.ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 1000, "maxcor": 20, "gtol": 1e-4 / shape[1], "ftol": 1e-10},
        )
        start = result.x.reshape(shape)
        found.append((start[:-1].astype(np.float32), start[-1].astype(np.float32)))
    return found


@jax.jit
@jax.value_and_grad
def _objective(variable, x, y, l2):
    scores = jnp.matmul(x, variable[:-1], precision="highest") + variable[-1]
    entropy = jnp.sum(jax.nn.softplus(scores) - y * scores, axis=1)
    return jnp.mean(entropy) + 0.5 * l2 * jnp.sum(variable[:-1] ** 2)
