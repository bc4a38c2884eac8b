"""Signs of collapse that need no labels."""

import numpy as np


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
