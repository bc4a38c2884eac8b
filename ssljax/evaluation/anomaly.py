"""How far features lie from those of normal examples: the scores of anomaly detection."""

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg

from ssljax.errors import UserError

_BLOCK = 2**24  # distances computed at a time


def knn_distance(normal: np.ndarray, queries: np.ndarray, *, k: int) -> np.ndarray:
    """Return float32[M], the mean distance to the k nearest normal examples, of unit length.

    Args:
      normal: float [N, D], the features of normal examples. A zero vector stays zero.
      queries: float [M, D].
      k: neighbours, from 1 to N.

    Raises:
      UserError: k is out of range.

    Bergman, Cohen and Hoshen, Deep nearest neighbor anomaly detection (2020), k = 2, where
    features keep their lengths; Sun et al., Out-of-distribution detection with deep nearest
    neighbors (2022), unit length.
    """
    if not 1 <= k <= len(normal):
        raise UserError(f"k must be between 1 and the {len(normal)} normal examples; got {k}")
    bank = _unit(jnp.asarray(normal, jnp.float32))
    block = min(len(queries), max(1, _BLOCK // len(bank)))
    found = []
    for start in range(0, len(queries), block):
        part = jnp.asarray(queries[start : start + block], jnp.float32)
        short = block - len(part)  # filled up, so that one program serves all
        found.append(_nearest(jnp.pad(part, ((0, short), (0, 0))), bank, k)[: len(part)])
    return np.concatenate([np.asarray(one) for one in found])


def _unit(rows: jax.Array) -> jax.Array:
    norm = jnp.linalg.norm(rows, axis=1, keepdims=True)
    return rows / jnp.where(norm > 0, norm, 1)


@jax.jit(static_argnums=2)
def _nearest(queries: jax.Array, bank: jax.Array, k: int) -> jax.Array:
    queries = _unit(queries)
    cosine = jnp.matmul(queries, bank.T, precision="highest")
    square = jnp.sum(queries**2, axis=1, keepdims=True) + jnp.sum(bank**2, axis=1) - 2 * cosine
    nearest, _ = jax.lax.top_k(-square, k)
    return jnp.mean(jnp.sqrt(jnp.maximum(-nearest, 0)), axis=1)


def mahalanobis_distance(normal: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Return float64[M], sqrt((x - m)^T S^-1 (x - m)) of each query.

    m and S are the mean and the covariance of the normal features, the latter shrunk (see
    `ledoit_wolf`), so that it can be inverted whatever their number.

    Args:
      normal: float [N, D], N at least 2.
      queries: float [M, D].

    Raises:
      UserError: all normal features are equal.

    Rippel, Mertens and Merhof, Modeling the distribution of normal data in pre-trained deep
    features for anomaly detection (2021).
    """
    normal = np.asarray(normal, np.float64)
    mean = normal.mean(axis=0)
    rows, away = normal - mean, np.asarray(queries, np.float64) - mean
    kept, floor = ledoit_wolf(normal)
    if not floor:
        raise UserError(f"the features of all {len(normal)} normal examples are equal")
    rows = rows * np.sqrt(kept / len(rows))  # S = floor I + rows^T rows
    if len(rows) < rows.shape[1]:  # by the matrix of examples (Woodbury)
        inner = _whitened(rows @ rows.T + floor * np.eye(len(rows)), away @ rows.T)
        square = (np.sum(away**2, axis=1) - np.sum(inner**2, axis=0)) / floor
    else:
        covariance = rows.T @ rows + floor * np.eye(rows.shape[1])
        square = np.sum(_whitened(covariance, away) ** 2, axis=0)
    return np.sqrt(np.maximum(square, 0))


def _whitened(matrix: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return L^-1 rows^T with matrix = L L^T."""
    return scipy.linalg.solve_triangular(np.linalg.cholesky(matrix), rows.T, lower=True)


def ledoit_wolf(features: np.ndarray) -> tuple[float, float]:
    """Return (1 - s, s tr(S)/D) of the shrunk covariance (1 - s) S + s tr(S)/D I.

        s = min(b, d) / d,   d = |S - tr(S)/D I|^2,   b = 1/N^2 sum_i |x_i x_i^T - S|^2

    with centred x_i, S = 1/N sum_i x_i x_i^T and the squared Frobenius norm.

    Args:
      features: float [N, D].

    Ledoit and Wolf, A well-conditioned estimator for large-dimensional covariance matrices (2004);
    the same as scikit-learn's `ledoit_wolf`.
    """
    rows = np.asarray(features, np.float64)
    rows = rows - rows.mean(axis=0)
    count, dimensions = rows.shape
    gram = rows @ rows.T if count < dimensions else rows.T @ rows  # of the same trace and norm
    square = np.sum(gram**2) / count**2
    scale = np.trace(gram) / count / dimensions
    distance = square - dimensions * scale**2
    noise = (np.sum(np.sum(rows**2, axis=1) ** 2) / count - square) / count
    shrinkage = float(np.clip(noise / distance, 0, 1)) if distance > 0 else 1.0
    return 1 - shrinkage, float(shrinkage * scale)
