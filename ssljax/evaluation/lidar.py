"""LiDAR: the effective rank of what tells examples apart, beside what their views differ in."""

import numpy as np
import scipy.linalg


def lidar(views: np.ndarray, *, delta: float = 1e-4, epsilon: float = 1e-7) -> float:
    """Return the effective rank of the features' linear discriminants, at most min(D, n - 1).

        Sb = mean_i (m_i - m)(m_i - m)^T,   Sw = mean_iv (x_iv - m_i)(x_iv - m_i)^T + delta I
        lambda = eigenvalues of Sw^-1/2 Sb Sw^-1/2,   p = lambda / sum(lambda) + epsilon
        LiDAR = exp(-sum_k p_k log p_k)

    where m_i is the mean of the views of example i, and m that of all. Each example is a class of
    its own. A direction in which the features vary as much between views of one example as between
    examples, counts little, which the rank of the features (`rankme`) does not see.

    Args:
      views: float [n, q, D], features of q augmented views of n examples, both at least 2.
      delta: added to the covariance within examples; in squared units of the features.
      epsilon: added to the shares of the eigenvalues.

    Returns:
      The rank; 0 where all examples have the same mean.

    Raises:
      ValueError: the shape is another one.

    Thilak et al., LiDAR: Sensing linear probing performance in joint embedding SSL architectures
    (2023), section 4, with n = 1,000, q = 50 and delta = 1e-4; it gives no value of epsilon, this
    is RankMe's. With Sw = L L^T the eigenvalues are the squared singular values of L^-1 times the
    centred means.
    """
    views = np.asarray(views, np.float64)
    if views.ndim != 3 or min(views.shape[:2]) < 2:
        raise ValueError(f"views must be [n, q, D] with n and q at least 2, got {views.shape}")
    means = views.mean(axis=1)
    within = (views - means[:, None]).reshape(-1, views.shape[2])
    within = within.T @ within / len(within) + delta * np.eye(views.shape[2])
    factor = np.linalg.cholesky(within)
    white = scipy.linalg.solve_triangular(factor, (means - means.mean(axis=0)).T, lower=True)
    gram = white @ white.T if len(white) < white.shape[1] else white.T @ white
    values = np.maximum(np.linalg.eigvalsh(gram), 0)
    if not values.sum():
        return 0.0
    p = values / values.sum() + epsilon
    return float(np.exp(-np.sum(p * np.log(p))))
