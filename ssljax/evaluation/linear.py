"""Linear probe: multinomial logistic regression on frozen features.

The order of events is the point: `select` sees train only and chooses the regularisation on a
held-out part of it, `fit` uses all of train, and `linear_probe` scores test once, at the end.
"""

import dataclasses
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
import scipy.optimize

from ssljax.errors import UserError
from ssljax.evaluation.linear_rows import standardised

GRID = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
_EXTENSIONS = 4  # how often the grid may grow when its best value is the outermost
# Largest gradient entry at the end of a fit. Stopping at 1e-4, accuracies on Fashion-MNIST moved by
# 0.03 points with the order of the float32 sums and by 0.06 with the change of variables (at 3e-4:
# 0.12). To tell strengths a factor of ten apart 1e-3 is enough, at a quarter of the cost.
_TOLERANCE = 1e-4
_SELECTION_TOLERANCE = 1e-3
_CURVATURE = 0.1  # typical p (1 - p) of a class, for the change of variables in `_Problem.solve`


@dataclasses.dataclass(frozen=True)
class Classifier:
    """A fitted logistic regression: logits = (x - mean) / scale @ weights + bias."""

    weights: np.ndarray  # [D, K]
    bias: np.ndarray  # [K]
    mean: np.ndarray  # [D], of the features it was fitted on
    scale: np.ndarray  # [D]
    classes: np.ndarray  # [K], the label values
    iterations: int
    converged: bool

    def predict(self, features: np.ndarray) -> np.ndarray:
        """The most probable label of each row of `features` [n, D]."""
        logits = _logits(
            jnp.asarray(features, jnp.float32), self.mean, self.scale, self.weights, self.bias
        )
        return self.classes[np.asarray(jnp.argmax(logits, axis=1))]


@dataclasses.dataclass(frozen=True)
class Selection:
    """The regularisation chosen on a held-out part of train, and how it came about."""

    l2: float
    accuracy: float  # on the held-out part
    tried: dict[float, float]  # l2 -> held-out accuracy, ascending
    at_edge: bool  # the best value is still the outermost one, after the grid was extended
    examples: int  # in the held-out part


def linear_probe(
    train: np.ndarray,
    train_labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
    *,
    grid: Sequence[float] = GRID,
    holdout: float = 0.2,
    seed: int = 0,
) -> dict:
    """Select the regularisation on train, fit on train, score on test once.

    Args:
      train, test: float [n, D] features.
      train_labels, test_labels: int [n]. A test label that train lacks counts as an error.
      grid: the L2 strengths to try (see `fit`).
      holdout: part of train, in (0, 1), on which the strength is chosen.
      seed: of the split of train.

    Returns:
      A dict of plain values: accuracy, l2, heldout_accuracy, heldout_examples, tried (strength ->
      held-out accuracy), at_edge, iterations, converged, examples (of train); and "predictions",
      the label given to each test example.
    """
    choice = select(train, train_labels, grid=grid, holdout=holdout, seed=seed)
    classifier = fit(train, train_labels, l2=choice.l2)
    predictions = classifier.predict(test)
    return {
        "accuracy": float(np.mean(predictions == np.asarray(test_labels))),
        "predictions": predictions.tolist(),
        "l2": choice.l2,
        "heldout_accuracy": choice.accuracy,
        "heldout_examples": choice.examples,
        "tried": {f"{l2:g}": value for l2, value in choice.tried.items()},
        "at_edge": choice.at_edge,
        "iterations": classifier.iterations,
        "converged": classifier.converged,
        "examples": len(train),
    }


def select(
    features: np.ndarray,
    labels: np.ndarray,
    *,
    grid: Sequence[float] = GRID,
    holdout: float = 0.2,
    seed: int = 0,
) -> Selection:
    """Choose the L2 strength by accuracy on a held-out, stratified part of the training set.

    The strengths are fitted from the strongest to the weakest, each starting where the last
    ended, until the accuracy has been below the best twice in a row: weaker ones overfit more and
    take the longest. While the outermost strength is as good as any the grid grows there by its own
    ratio, at most four times. Of equally good strengths the one nearest the middle is taken.
    """
    if not grid or min(grid) <= 0:
        raise UserError(f"linear grid must hold at least one value, all above 0; got {tuple(grid)}")
    features, labels = np.asarray(features), np.asarray(labels)
    kept, held = stratified_split(labels, holdout, seed)
    problem = _Problem(features[kept], labels[kept])
    tried, start = {}, None

    def attempt(l2):
        nonlocal start
        start = problem.solve(l2, start, _SELECTION_TOLERANCE)
        tried[l2] = float(np.mean(start.predict(features[held]) == labels[held]))

    for l2 in sorted(grid, reverse=True):
        attempt(l2)
        if max(list(tried.values())[-2:]) < max(tried.values()):
            break
    for _ in range(_EXTENSIONS):
        top = max(tried.values())
        edges = [l2 for l2 in (max(tried), min(tried)) if tried[l2] == top]
        if not edges:
            break
        attempt(_beyond(edges[0], tried))
    best = _best(tried)
    return Selection(
        l2=best,
        accuracy=tried[best],
        tried=dict(sorted(tried.items())),
        at_edge=best in (min(tried), max(tried)),
        examples=len(held),
    )


def fit(features: np.ndarray, labels: np.ndarray, *, l2: float) -> Classifier:
    """Fit a multinomial logistic regression to convergence.

        min over W, b of  mean_i -log softmax(W' x_i + b)[y_i] + l2 / 2 * sum W^2

    where x are the features standardised per dimension by the mean and standard deviation of
    the rows given (a dimension that does not vary becomes 0). The bias is not penalised. In the
    terms of scikit-learn, C = 1 / (n * l2). Deterministic: no random number is drawn.
    """
    return _Problem(features, labels).solve(l2, None, _TOLERANCE)


def path(features: np.ndarray, labels: np.ndarray, strengths: Sequence[float]) -> list[Classifier]:
    """Fit for every strength, each starting where the last ended, to the tolerance of a choice.

    Args:
      features, labels: see `fit`.
      strengths: L2 strengths, best from the strongest to the weakest.
    """
    problem, fitted = _Problem(features, labels), []
    for l2 in strengths:
        fitted.append(problem.solve(l2, fitted[-1] if fitted else None, _SELECTION_TOLERANCE))
    return fitted


def stratified_split(
    labels: np.ndarray, holdout: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Split positions 0..n-1 into (kept, held out), the same part of every class.

    A class of m examples gives round(holdout * m) of them, and at least one if m is 2 or more. It
    always keeps one.

    Raises:
      UserError: `holdout` is out of range, or every class has a single example.
    """
    labels = np.asarray(labels)
    if not 0 < holdout < 1:
        raise UserError(f"holdout must be between 0 and 1; got {holdout}")
    order = np.random.default_rng(seed).permutation(len(labels))
    held = np.zeros(len(labels), bool)
    for value in np.unique(labels):
        members = order[labels[order] == value]
        held[members[: min(max(1, round(holdout * len(members))), len(members) - 1)]] = True
    if not held.any():
        raise UserError(
            f"none of {len(labels)} labelled examples can be held out: every class has only one"
        )
    return np.flatnonzero(~held), np.flatnonzero(held)


class _Problem:
    """Standardised features and labels, to be solved for one or several strengths."""

    def __init__(self, features: np.ndarray, labels: np.ndarray):
        shape = np.shape(features)
        if len(shape) != 2 or np.shape(labels) != shape[:1]:
            raise ValueError(
                f"features must be [n, D] with n labels; got {shape} and labels {np.shape(labels)}"
            )
        self.classes, self.targets = np.unique(np.asarray(labels), return_inverse=True)
        if len(self.classes) < 2:
            raise UserError(f"a probe needs two classes or more; got only {self.classes}")
        self.rows = standardised(features)

    def solve(self, l2: float, start: Classifier | None, tolerance: float) -> Classifier:
        """L-BFGS, from `start` or from zero, until no gradient entry exceeds `tolerance`.

        It runs in the variable V with W = R V, R' (curvature * covariance + l2) R ~ 1: there the
        objective bends about equally in all directions, which saves most of the iterations.
        """
        rows, classes = self.rows, len(self.classes)
        dimensions = len(rows.covariance)
        # Of collapsed features the float32 covariance has eigenvalues a little below zero; the
        # margin keeps the factor in being, and changes the variable, not the optimum.
        bend = _CURVATURE * rows.covariance
        bend.flat[:: dimensions + 1] += l2 + 1e-6 * np.trace(rows.covariance)
        factor = scipy.linalg.cholesky(bend, lower=True, overwrite_a=True, check_finite=False)
        inverse, _ = scipy.linalg.lapack.dtrtri(factor, lower=1)
        unbend = inverse.T.astype(np.float32)

        at = rows.objective(unbend, self.targets, l2)

        def objective(flat):
            value, slope = at(flat.reshape(dimensions + 1, classes))
            return value, slope.ravel()

        first = np.zeros((dimensions + 1, classes))
        if start is not None:
            first[:-1], first[-1] = factor.T @ rows.within(start.weights), start.bias
        result = scipy.optimize.minimize(
            objective,
            first.ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 500, "maxcor": 20, "gtol": tolerance, "ftol": 1e-9},
        )
        solution = result.x.reshape(dimensions + 1, classes).astype(np.float32)
        weights = rows.without(np.asarray(unbend @ solution[:-1]))
        return Classifier(
            weights=np.asarray(weights, np.float32),
            bias=solution[-1],
            mean=np.asarray(rows.mean),
            scale=np.asarray(rows.scale),
            classes=self.classes,
            iterations=int(result.nit),
            converged=bool(result.success),
        )


@jax.jit
def _logits(features, mean, scale, weights, bias):
    return jnp.matmul((features - mean) / scale, weights, precision="highest") + bias


def _best(tried: dict[float, float]) -> float:
    middle = math.log(min(tried) * max(tried)) / 2
    top = max(tried.values())
    equal = [l2 for l2, accuracy in tried.items() if accuracy == top]
    return min(equal, key=lambda l2: (abs(math.log(l2) - middle), -l2))


def _beyond(l2: float, tried: dict[float, float]) -> float:
    if len(tried) == 1:
        return l2 * 10
    ordered = sorted(tried)
    inner = ordered[1] if l2 == ordered[0] else ordered[-2]
    return float(f"{l2 * l2 / inner:.6g}")
