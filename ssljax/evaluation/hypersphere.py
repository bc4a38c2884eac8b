"""Alignment and uniformity of features on the unit sphere."""

import numpy as np

_BLOCK = 1024  # rows compared at a time


def alignment(first: np.ndarray, second: np.ndarray) -> float:
    """Return mean_i |x_i - y_i|^2 of features of two views of each example, of unit length.

    From 0, where both views have the same direction, to 4; 2 where they have nothing to do with
    each other. It says nothing alone: collapsed features have 0.

    Args:
      first, second: float [n, D], row by row of the same examples. A zero vector stays zero.

    Wang and Isola, Understanding contrastive representation learning through alignment and
    uniformity on the hypersphere (2020), with alpha = 2 (align_loss of the official code).

    >>> alignment(np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[3.0, 0.0], [1.0, 0.0]]))
    1.0
    """
    return float(np.mean(np.sum((unit(first) - unit(second)) ** 2, axis=1)))


def uniformity(features: np.ndarray, *, t: float = 2.0) -> float:
    """Return log mean_{i<j} exp(-t |x_i - x_j|^2) of features of unit length.

    0 where all are equal; about -4 + 8 / D for t = 2 where they are spread evenly over the sphere:
    the lower, the more even.

    Args:
      features: float [n, D], n at least 2; of different examples. A zero vector stays zero.
      t: width of the kernel.

    Wang and Isola (2020), uniform_loss of the official code with t = 2.
    """
    rows = unit(features)
    if len(rows) < 2:
        raise ValueError(f"uniformity needs 2 or more rows, got {len(rows)}")
    square = np.sum(rows**2, axis=1)
    total = 0.0
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        distance = square[block, None] + square - 2 * rows[block] @ rows.T
        later = np.arange(len(rows)) > np.arange(start, start + len(distance))[:, None]
        total += np.sum(np.exp(-t * np.maximum(distance, 0)), where=later)
    return float(np.log(total / (len(rows) * (len(rows) - 1) / 2)))


def unit(features: np.ndarray) -> np.ndarray:
    """Return the rows divided by their lengths, float64; a zero vector stays zero."""
    rows = np.asarray(features, np.float64)
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norm > 0, norm, 1)
