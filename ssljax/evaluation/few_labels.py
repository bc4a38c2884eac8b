"""The linear probe with few labels: some examples of each class, drawn several times.

A representation is worth most where labels are scarce. How well a probe does then depends on which
examples were labelled, so that one draw tells little: the mean over draws is reported, and every
encoder is given the same draws.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.stats

from ssljax.errors import UserError
from ssljax.evaluation.features import Features
from ssljax.evaluation.linear import GRID, fit, path


def draw(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return int64[count], the positions of examples drawn without replacement, ascending.

    A class of share s gets count * s examples, rounded so that the sum is right (by the largest
    remainder), and at least one.

    Args:
      labels: int[n].
      count: of examples, at least one for each class and at most n.
      seed: of the draw; the same labels, count and seed give the same positions.

    Raises:
      UserError: `count` is out of range.
    """
    labels = np.asarray(labels)
    classes, sizes = np.unique(labels, return_counts=True)
    if not len(classes) <= count <= len(labels):
        raise UserError(
            f"{count} labels cannot be drawn from {len(labels)} examples of {len(classes)} classes"
        )
    order = np.random.default_rng(seed).permutation(len(labels))
    parts = [
        order[labels[order] == value][:share]
        for value, share in zip(classes, _shares(sizes, count), strict=True)
    ]
    return np.sort(np.concatenate(parts))


def draw_of_each(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return int64[classes * count], the positions of `count` examples of each class, ascending.

    Where all classes are of one size, they are those of `draw` of as many in all.

    Args:
      labels: int[n].
      count: of each class.
      seed: of the draw.

    Raises:
      UserError: a class has fewer examples; the message names it.
    """
    labels = np.asarray(labels)
    classes, sizes = np.unique(labels, return_counts=True)
    if sizes.min() < count:
        least = int(np.argmin(sizes))
        raise UserError(
            f"{count} labelled examples of each class cannot be drawn: class {classes[least]} has "
            f"{sizes[least]}"
        )
    order = np.random.default_rng(seed).permutation(len(labels))
    return np.sort(np.concatenate([order[labels[order] == one][:count] for one in classes]))


def _shares(sizes: np.ndarray, count: int) -> np.ndarray:
    exact = count * sizes / sizes.sum()
    shares = np.maximum(1, np.floor(exact).astype(int))
    while shares.sum() < count:
        shares[np.argmax(exact - shares)] += 1
    while shares.sum() > count:  # classes too small for their one example took from the others
        shares[np.argmax(np.where(shares > 1, shares - exact, -np.inf))] -= 1
    return shares


def cross_validated(
    features: np.ndarray, labels: np.ndarray, *, grid: Sequence[float], folds: int, seed: int
) -> float:
    """Return the L2 strength of the best mean accuracy over folds, the strongest of equal ones.

    Each class is spread evenly over the folds. One held-out fifth, which the probe on all labels
    chooses by, is too small here: on Adult with 100 labels it costs 2 points of accuracy.

    Args:
      features: float[n, D].
      labels: int[n].
      grid: strengths to try, see `linear.fit`.
      folds: at least 2; at most n are used.
      seed: of the folds.
    """
    if np.unique(labels, return_counts=True)[1].max() < 2:
        return max(grid)  # what is held out is of a class that is not fitted: always wrong
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(len(labels), int)
    fold[order] = np.arange(len(labels)) % folds
    grid = sorted(grid, reverse=True)
    right = np.zeros((len(grid), len(labels)), bool)
    for held in (fold == number for number in range(min(folds, len(labels)))):
        if len(np.unique(labels[~held])) < 2:  # a class had one example; it counts as wrong
            continue
        for row, classifier in zip(right, path(features[~held], labels[~held], grid), strict=True):
            row[held] = classifier.predict(features[held]) == labels[held]
    return grid[int(np.argmax(right.mean(axis=1)))]


def few_labels_probe(
    train: np.ndarray,
    train_labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
    *,
    count: int,
    draws: int = 5,
    grid: Sequence[float] = GRID,
    folds: int = 5,
    seed: int = 0,
) -> dict:
    """Train the linear probe on `count` labels, several times, and score each on all of test.

    Draw d uses seed + d. Each chooses its regularisation by cross-validation on the drawn examples,
    is fitted on all of them, and scores test once.

    Args:
      train, test: float[n, D] features.
      train_labels, test_labels: int[n].
      count: of labelled training examples, see `draw`.
      draws: how often, at least 2.
      grid, folds: see `cross_validated`.
      seed: of the first draw.

    Returns:
      A dict of plain values: "accuracy", the mean over draws; its 95% "interval" over draws, see
      `mean_interval`; "accuracies" and "l2" of each draw; "labels" and "seed".

    Raises:
      UserError: `count`, `draws` or `folds` is out of range.
    """
    if draws < 2 or folds < 2:
        raise UserError(f"draws and folds must be at least 2; got {draws} and {folds}")
    seeds = range(seed, seed + draws)
    chosen = [draw(train_labels, count, one) for one in seeds]
    scores = probes_of_draws(
        train, train_labels, test, test_labels, chosen, grid=grid, folds=folds, seeds=seeds
    )
    return {**scores, "labels": count, "seed": seed}


def draw_per_class(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return the positions of `count` examples of each class, drawn without replacement, ascending.

    A class with fewer gives all that it has.
    """
    labels = np.asarray(labels)
    order = np.random.default_rng(seed).permutation(len(labels))
    parts = [order[labels[order] == value][:count] for value in np.unique(labels)]
    return np.sort(np.concatenate(parts))


def probes_of_draws(
    train: np.ndarray,
    train_labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
    draws: Sequence[np.ndarray],
    *,
    seeds: Sequence[int],
    grid: Sequence[float] = GRID,
    folds: int = 5,
) -> dict:
    """Train the linear probe on each draw of training examples, and score each on all of test.

    Args:
      train, test, train_labels, test_labels, grid, folds: see `few_labels_probe`.
      draws: int[count], positions in train.
      seeds: of the folds of each draw.

    Returns:
      "accuracy", "interval", "accuracies" and "l2", see `few_labels_probe`.
    """
    train, train_labels = np.asarray(train), np.asarray(train_labels)
    accuracies, strengths = [], []
    for chosen, one in zip(draws, seeds, strict=True):
        features, labels = train[chosen], train_labels[chosen]
        l2 = cross_validated(features, labels, grid=grid, folds=folds, seed=one)
        right = fit(features, labels, l2=l2).predict(test) == np.asarray(test_labels)
        accuracies.append(float(np.mean(right)))
        strengths.append(l2)
    mean, interval = mean_interval(accuracies)
    return {
        "accuracy": mean,
        "interval": list(interval),
        "accuracies": accuracies,
        "l2": strengths,
    }


def mean_interval(values: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """Return the mean of n >= 2 values and its 95% interval by Student's t with n - 1 degrees.

    Of accuracies it speaks of which examples were labelled, not of the test sample. Of differences
    between two encoders on the same draws, it says whether one is better.

    >>> mean, (low, high) = mean_interval([0.8, 0.9])
    >>> round(mean, 4), round(low, 4), round(high, 4)
    (0.85, 0.2147, 1.4853)
    """
    mean = float(np.mean(values))
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    spread = float(scipy.stats.t.ppf(0.975, len(values) - 1)) * error
    return mean, (mean - spread, mean + spread)


def few_labels_scores(
    train: Features, test: Features, counts: Sequence[int], *, draws: int, seed: int
) -> dict[str, Any]:
    """Return {str(count): what `few_labels_probe` gives} of labelled features.

    A count that the training examples do not allow is left out.
    """
    classes = len(np.unique(train.labels))
    return {
        str(count): few_labels_probe(
            train.features,
            train.labels,
            test.features,
            test.labels,
            count=count,
            draws=draws,
            seed=seed,
        )
        for count in counts
        if 2 <= classes <= count <= len(train.labels)
    }


def few_labels_lines(scores: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a table for a terminal, and a line for each baseline that is not exceeded.

    Args:
      scores: what `few_labels_scores` gives by title of the row: the pretrained encoder first, then
        its baselines, all of the same draws.
    """
    first, *baselines = scores
    counts = list(scores[first])
    if not counts:
        return []
    heads = "  ".join(f"{f'{int(count):,} labels':>13}" for count in counts)
    lines = [f"{'':<12}  {heads}"]
    for title, row in scores.items():
        cells = "  ".join(f"{percent(row[count]):>13}" for count in counts)
        lines.append(f"{title:<12}  {cells}")
    draws = len(scores[first][counts[0]]["accuracies"])
    lines.append(f"linear probe, mean of {draws} draws of the labels, 95% interval over draws")
    for count in counts:
        for title in baselines:
            pair = (scores[row][count]["accuracies"] for row in (first, title))
            _, (low, high) = mean_interval(np.subtract(*pair))
            if low <= 0:
                verdict = "is below" if high < 0 else "cannot be told from"
                lines.append(
                    f"note: with {int(count):,} labels {first} {verdict} {title} (95% interval of "
                    f"the difference {100 * low:+.1f} to {100 * high:+.1f})"
                )
    return lines


def percent(score: Mapping[str, Any]) -> str:
    """Return "84.0 ± 8.8": an accuracy in percent, with half of its interval."""
    low, high = score["interval"]
    return f"{100 * score['accuracy']:.1f} ± {50 * (high - low):.1f}"
