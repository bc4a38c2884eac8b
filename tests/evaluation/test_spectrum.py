import numpy as np
import pytest

from ssljax.evaluation.intervals import wilson
from ssljax.evaluation.spectrum import evenly, rankme, unit_std
from tests.reference import evaluation as reference


@pytest.mark.parametrize("shape", [(60, 12), (12, 60)])
def test_against_loops(shape):
    features = np.random.default_rng(0).normal(size=shape) * np.logspace(0, 2, shape[1]) + 1
    assert rankme(features) == pytest.approx(reference.rankme(features), rel=1e-4)
    assert unit_std(features) == pytest.approx(reference.unit_std(features))


def test_white_features_have_full_rank():
    orthogonal = np.linalg.qr(np.random.default_rng(0).normal(size=(64, 16)))[0]
    assert rankme(orthogonal) == pytest.approx(16, rel=1e-4)


def test_collapsed_features():
    direction = np.arange(1.0, 9)
    line = np.outer(np.arange(1.0, 101), direction)
    assert rankme(line) == pytest.approx(1, abs=1e-3)
    assert unit_std(line) == pytest.approx(0, abs=1e-9)
    assert rankme(np.zeros((10, 4))) == 0
    assert unit_std(np.zeros((10, 4))) == 0


def test_directions_spread_over_the_sphere():
    features = np.random.default_rng(0).normal(size=(5000, 32))
    assert unit_std(features) == pytest.approx(1, abs=0.01)


def test_a_limit_takes_rows_evenly():
    np.testing.assert_array_equal(evenly(np.arange(10), 4), [0, 2, 5, 7])
    np.testing.assert_array_equal(evenly(np.arange(3), 4), [0, 1, 2])
    features = np.random.default_rng(0).normal(size=(40, 6))
    assert rankme(features, limit=20) == pytest.approx(rankme(features[::2]))


@pytest.mark.parametrize(
    ("accuracy", "count", "low", "high"),
    [
        (0.9, 100, 0.8256, 0.9448),
        (0.5, 20, 0.2993, 0.7007),
        (0.0, 10, 0.0, 0.2775),
        (1.0, 10, 0.7225, 1.0),
    ],
)  # published tables of the Wilson interval
def test_wilson_interval(accuracy, count, low, high):
    assert wilson(accuracy, count) == pytest.approx((low, high), abs=1e-4)
