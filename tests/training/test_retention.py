import math

import pytest

from ssljax.training.checkpoint.retention import Retention

KNN = {1: 0.2, 2: 0.9, 3: 0.9, 4: 0.1, 5: math.nan, 6: None}
METRICS = {step: {} if value is None else {"knn": value} for step, value in KNN.items()}


@pytest.mark.parametrize(
    "last, best, mode, kept",
    [
        (1, 0, "max", {6}),
        (3, 0, "max", {4, 5, 6}),
        (9, 0, "max", {1, 2, 3, 4, 5, 6}),
        (1, 1, "max", {3, 6}),  # of equal ones the newer
        (1, 2, "max", {2, 3, 6}),
        (1, 1, "min", {4, 6}),
        (1, 3, "min", {1, 3, 4, 6}),
        (1, 9, "max", {1, 2, 3, 4, 6}),  # what has no metric, or NaN, is none of the best
        (2, 1, "min", {4, 5, 6}),
    ],
)
def test_the_newest_and_the_best_are_kept(last, best, mode, kept):
    assert Retention(last, best, "knn", mode).steps(METRICS) == kept


def test_without_metrics_the_newest_are_kept():
    assert Retention(1, 3, "knn").steps({4: {}, 2: {}}) == {4}
    assert Retention(1, 3, "knn").steps({}) == set()
