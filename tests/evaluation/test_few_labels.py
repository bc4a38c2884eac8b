import numpy as np
import pytest
import scipy.stats

from ssljax.errors import UserError
from ssljax.evaluation.features import Features
from ssljax.evaluation.few_labels import (
    cross_validated,
    draw,
    few_labels_lines,
    few_labels_probe,
    few_labels_scores,
    mean_interval,
)
from ssljax.evaluation.linear import fit

LABELS = np.repeat([3, 7, 9], [600, 300, 100])


def blobs(distance, count=120, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    return rng.normal(size=(count, 6)) + distance * np.eye(6)[labels], labels


@pytest.mark.parametrize(
    ("count", "expected"), [(100, [60, 30, 10]), (7, [4, 2, 1]), (3, [1, 1, 1]), (5, [3, 1, 1])]
)
def test_a_draw_keeps_the_shares_of_the_classes(count, expected):
    chosen = draw(LABELS, count, seed=1)
    assert len(set(chosen)) == count and (np.diff(chosen) > 0).all()
    assert np.unique(LABELS[chosen], return_counts=True)[1].tolist() == expected


def test_draws_follow_the_seed():
    assert (draw(LABELS, 50, 1) == draw(LABELS, 50, 1)).all()
    assert (draw(LABELS, 50, 1) != draw(LABELS, 50, 2)).any()
    assert (draw(LABELS, 1000, 3) == np.arange(1000)).all()
    often = np.concatenate([draw(LABELS, 100, seed) for seed in range(200)])
    assert np.bincount(often, minlength=1000).max() < 45  # of 20 expected: no example is preferred


@pytest.mark.parametrize("count", [2, 1001, 0])
def test_too_few_and_too_many(count):
    with pytest.raises(UserError, match=f"{count} labels cannot be drawn from 1000 .* 3 classes"):
        draw(LABELS, count, 0)


def test_it_is_the_probe_on_the_drawn_examples():
    train, train_labels = blobs(2.0)
    test, test_labels = blobs(2.0, seed=1)
    found = few_labels_probe(
        train, train_labels, test, test_labels, count=12, draws=2, grid=(0.1,), folds=3, seed=4
    )
    for accuracy, seed in zip(found["accuracies"], (4, 5), strict=True):
        chosen = draw(train_labels, 12, seed)
        predictions = fit(train[chosen], train_labels[chosen], l2=0.1).predict(test)
        assert accuracy == np.mean(predictions == test_labels)
    assert found["accuracy"] == pytest.approx(np.mean(found["accuracies"]))
    assert found["labels"] == 12 and found["l2"] == [0.1, 0.1]


def test_the_strength_is_that_of_the_best_folds():
    """A far too strong one predicts the largest class, a weak one lets a noisy label mislead."""
    rng = np.random.default_rng(0)
    labels = np.arange(50) % 5 == 0
    features = np.concatenate([3.0 * labels[:, None], rng.normal(size=(50, 40))], axis=1)
    features[:, 0] += 0.8 * rng.normal(size=50)
    assert cross_validated(features, labels, grid=(1e-6, 0.3, 1e4), folds=5, seed=0) == 0.3
    assert cross_validated(*blobs(50.0), grid=(1e-3, 1e-2), folds=5, seed=0) == 1e-2  # both right


def test_classes_of_one_example():
    features, labels = np.array([[0.0], [1.0], [9.0]]), np.array([0, 0, 1])
    assert cross_validated(features, labels, grid=(0.1, 1.0), folds=5, seed=0) in (0.1, 1.0)


def test_the_interval_is_that_of_student():
    values = [0.7, 0.75, 0.8, 0.72]
    mean, (low, high) = mean_interval(values)
    error = scipy.stats.sem(values)
    expected = scipy.stats.t.interval(0.95, 3, loc=np.mean(values), scale=error)
    assert (mean, low, high) == pytest.approx((np.mean(values), *expected))


@pytest.mark.parametrize("wrong", [{"draws": 1}, {"folds": 1}])
def test_one_draw_or_fold_is_refused(wrong):
    features, labels = blobs(1.0)
    with pytest.raises(UserError, match="must be at least 2"):
        few_labels_probe(features, labels, features, labels, count=10, **wrong)


def test_counts_that_the_examples_allow():
    train, test = (Features(*blobs(4.0, seed=seed), np.arange(120)) for seed in (0, 1))
    found = few_labels_scores(train, test, (2, 30, 121), draws=2, seed=0)
    assert list(found) == ["30"]
    expected = few_labels_probe(*train[:2], *test[:2], count=30, draws=2)
    assert found["30"] == expected
    one_class = train._replace(labels=np.zeros(120, int))
    assert few_labels_scores(one_class, test, (30,), draws=2, seed=0) == {}


def score(*accuracies):
    mean, interval = mean_interval(accuracies)
    return {"10": {"accuracy": mean, "interval": list(interval), "accuracies": list(accuracies)}}


def test_the_table_compares_the_same_draws():
    scores = {
        "pretrained": score(0.70, 0.80, 0.90),
        "random init": score(0.68, 0.78, 0.87),  # below by 2 or 3 points, at every draw
        "raw input": score(0.90, 0.70, 0.80),
        "oracle": score(0.80, 0.91, 1.00),
    }
    head, *rows, legend, first, second = few_labels_lines(scores)
    assert head.split() == ["10", "labels"] and len(rows) == 4
    assert rows[0].split() == ["pretrained", "80.0", "±", "24.8"]
    assert "3 draws" in legend
    assert "pretrained cannot be told from raw input" in first
    assert "pretrained is below oracle" in second and "-11.8 to -8.9" in second
    assert few_labels_lines({"pretrained": {}, "raw input": {}}) == []
