import numpy as np
import pytest

from ssljax.evaluation import linear_rows
from ssljax.evaluation.linear import fit, path
from ssljax.evaluation.linear_rows import Dense, Rotated, Sparse, standardised


@pytest.fixture
def counts():
    """Mostly zeros: [300, 40], one column that does not vary, and labels [300]."""
    generator = np.random.default_rng(0)
    labels = np.arange(300) % 3
    rows = generator.poisson(0.04 + 0.1 * (np.arange(40) % 3 == labels[:, None]))
    rows[:, 7] = 0
    return rows.astype(np.float32), labels


@pytest.mark.parametrize("form", [Sparse, Rotated])
def test_forms_agree_in_objective_and_gradient(counts, form):
    rows, labels = counts
    if form is Rotated:
        rows, labels = rows[:25], labels[:25]
    dense, other = Dense(rows), form(rows)
    np.testing.assert_allclose(other.mean, dense.mean, atol=1e-6)
    np.testing.assert_allclose(other.scale, dense.scale, rtol=1e-5)
    size = len(other.covariance)
    variable = np.random.default_rng(1).normal(size=(size + 1, 3))
    value, slope = other.objective(np.eye(size, dtype=np.float32), labels, 0.1)(variable)
    full = np.vstack([other.without(variable[:-1]), variable[-1:]])
    wanted, gradient = dense.objective(np.eye(40, dtype=np.float32), labels, 0.1)(full)
    assert value == pytest.approx(wanted, rel=1e-5)
    np.testing.assert_allclose(slope[:-1], other.within(gradient[:-1]), atol=1e-5)
    np.testing.assert_allclose(slope[-1], gradient[-1], atol=1e-5)
    scattered = other.without(other.without(other.covariance).T)  # V covariance V'
    np.testing.assert_allclose(scattered, dense.covariance, atol=1e-5)


@pytest.mark.parametrize("count", [300, 30])
def test_wide_features_have_the_fit_of_dense_ones(counts, count, monkeypatch):
    rows, labels = counts[0][:count], counts[1][:count]
    strengths = (1.0, 0.1, 0.01)
    plain = [fit(rows, labels, l2=one) for one in strengths]
    monkeypatch.setattr(linear_rows, "_WIDE", 8)
    assert type(standardised(rows)) is (Sparse if count > 40 else Rotated)
    for one, other in zip(plain, path(rows, labels, strengths), strict=True):
        assert other.converged
        assert np.mean(other.predict(counts[0]) == one.predict(counts[0])) > 0.97
    for one, l2 in zip(plain, strengths, strict=True):
        np.testing.assert_allclose(fit(rows, labels, l2=l2).weights, one.weights, atol=3e-3)


def test_wide_features_without_zeros_stay_dense(monkeypatch):
    monkeypatch.setattr(linear_rows, "_WIDE", 8)
    rows = np.random.default_rng(0).normal(size=(30, 20))
    assert type(standardised(rows)) is Dense


def test_wide_features_that_are_all_alike(monkeypatch):
    monkeypatch.setattr(linear_rows, "_WIDE", 8)
    classifier = fit(np.ones((10, 20)), np.arange(10) % 2, l2=0.1)
    assert np.isfinite(classifier.weights).all() and not classifier.weights.any()
