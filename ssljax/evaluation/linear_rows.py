"""Standardised features as the linear probe reads them: dense, or wide ones at a lower cost.

The probe has one objective and one optimum. These classes differ in how they compute it. Wide
features, such as the 4,096 columns of tf-idf, would cost the probe gigabytes and minutes: their
rows hold mostly zeros, or there are fewer rows than columns.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse

Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]

_WIDE = 1024  # columns, up to which the dense form is cheap
_SPARSE = 0.1  # largest share of numbers that are not 0 in a sparse matrix worth its indices
_RANK = 1e-7  # squared singular values below this part of the largest are rounding


def standardised(features: np.ndarray) -> "Dense | Sparse | Rotated":
    """Return features [n, D] in the form that costs the probe least."""
    count, dimensions = np.shape(features)
    if dimensions <= _WIDE:
        return Dense(features)
    if count < dimensions:
        return Rotated(features)
    if np.count_nonzero(features) < _SPARSE * count * dimensions:
        return Sparse(features)
    return Dense(features)


class Dense:
    """Features x_i as they are.

    Attributes:
      mean, scale: [D], of the features; a dimension that does not vary has the scale infinity.
      covariance: float64 [r, r], of the r variables that weights are sought for, here D.
    """

    def __init__(self, features: np.ndarray):
        features = jnp.asarray(features, jnp.float32)
        self._columns, self.mean, self.scale, covariance = _standardise(features)
        self.covariance = np.asarray(covariance, np.float64)

    def within(self, weights: np.ndarray) -> np.ndarray:
        """Return weights [D, K] of the features as weights [r, K] of the variables."""
        return weights

    def without(self, weights: np.ndarray) -> np.ndarray:
        """Return weights [r, K] of the variables as weights [D, K] of the features."""
        return weights

    def objective(self, unbend: np.ndarray, targets: np.ndarray, l2: float) -> Objective:
        """Return the function of V that gives the mean cross entropy plus l2 / 2 * sum W^2, where
        W = unbend V, and its gradient.

        Its argument is float64 [r + 1, K]: V, and below it the bias.

        Args:
          unbend: float32 [r, r].
          targets: int [n].
          l2: strength.
        """
        unbend, targets = jnp.asarray(unbend), jnp.asarray(targets)

        def at(variable):
            variable = jnp.asarray(variable, jnp.float32)
            value, slope = _objective(variable, unbend, self._columns, targets, l2)
            return float(value), np.asarray(slope, np.float64)

        return at


class Rotated(Dense):
    """Fewer rows than columns: the features in the space that their rows span.

    With X = U S V' (standardised) the optimum is W = V W', because a part of W that is orthogonal
    to all rows costs and changes no logit. W' is the optimum for the r <= n variables U S, with
    the same logits and the same penalty.
    """

    def __init__(self, features: np.ndarray):
        features = np.asarray(features, np.float64)
        self.mean, self.scale = _moments(features.mean(0), features.std(0))
        rows = (features - self.mean) / self.scale
        squares, left = np.linalg.eigh(rows @ rows.T)
        kept = squares > _RANK * max(squares[-1], 1e-30)
        squares, left = squares[kept], left[:, kept]
        self._basis = (rows.T @ left) / np.sqrt(squares)  # V, [D, r]
        self._columns = jnp.asarray((left * np.sqrt(squares)).T, jnp.float32)
        self.covariance = np.diag(squares / len(rows))

    def within(self, weights):
        return self._basis.T @ weights

    def without(self, weights):
        return self._basis @ weights


class Sparse:
    """Features that are mostly 0, as a sparse matrix of what they hold before the mean is taken.

    (X - mean) / scale W = X (W / scale) - (mean / scale) W; the gradient is its transpose.
    """

    def __init__(self, features: np.ndarray):
        self._rows = rows = scipy.sparse.csr_array(features).astype(np.float64)
        self._columns = rows.T.tocsr()
        count, mean = rows.shape[0], np.asarray(rows.mean(axis=0))
        products = (self._columns @ rows).toarray() / count
        deviation = np.sqrt(np.maximum(products.diagonal() - mean**2, 0))
        self.mean, self.scale = _moments(mean, deviation)
        products -= np.outer(mean, mean)
        products /= self.scale
        products /= self.scale[:, None]
        self.covariance = products

    def within(self, weights):
        return weights

    def without(self, weights):
        return weights

    def objective(self, unbend, targets, l2):
        chosen = np.arange(len(targets)), targets

        def at(variable):
            weights = unbend @ variable[:-1].astype(np.float32)
            scaled = weights / self.scale[:, None]
            logits = self._rows @ scaled + (variable[-1] - self.mean @ scaled)
            logits -= logits.max(axis=1, keepdims=True)
            share = np.exp(logits)
            total = share.sum(axis=1, keepdims=True)
            entropy = np.mean(np.log(total[:, 0]) - logits[chosen])
            share /= total
            share[chosen] -= 1
            share /= len(share)
            bias = share.sum(axis=0)
            slope = (self._columns @ share - np.outer(self.mean, bias)) / self.scale[:, None]
            slope = unbend.T @ (slope + l2 * weights).astype(np.float32)
            return entropy + 0.5 * l2 * np.sum(np.square(weights)), np.vstack([slope, bias])

        return at


def _moments(mean: np.ndarray, deviation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean, deviation = mean.astype(np.float32), deviation.astype(np.float32)
    # Rounding leaves a constant dimension with a scale of about 1e-7 of its value, not 0.
    varies = deviation > 1e-6 * (1e-30 + np.abs(mean))
    return mean, np.where(varies, deviation, np.float32(np.inf))


@jax.jit
def _standardise(features: jax.Array):
    mean = jnp.mean(features, axis=0)
    centred = features - mean
    scale = jnp.sqrt(jnp.mean(jnp.square(centred), axis=0))
    # Rounding leaves a constant dimension with a scale of about 1e-7 of its value, not 0.
    scale = jnp.where(scale > 1e-6 * (1e-30 + jnp.abs(mean)), scale, jnp.inf)
    # One column per example: the products of a fit run 1.4 to 5 times faster on a CPU (5 where D is
    # a power of two, whose rows fall on the same cache lines), and so do the sums over examples.
    columns = (centred / scale).T
    covariance = jnp.matmul(columns, columns.T, precision="highest") / len(features)
    return columns, mean, scale, covariance


@jax.jit
@jax.value_and_grad
def _objective(variable, unbend, columns, targets, l2):
    weights = jnp.matmul(unbend, variable[:-1], precision="highest")
    logits = jnp.matmul(weights.T, columns, precision="highest") + variable[-1][:, None]
    target = jnp.arange(len(logits))[:, None] == targets
    chosen = jnp.sum(jnp.where(target, logits, 0), axis=0)
    entropy = jnp.mean(jax.nn.logsumexp(logits, axis=0) - chosen)
    return entropy + 0.5 * l2 * jnp.sum(jnp.square(weights))
