"""Clusters, regression and several labels, against scikit-learn on the same features."""

import numpy as np
import pytest
from sklearn import metrics
from sklearn.linear_model import LogisticRegression, Ridge

from ssljax.evaluation import clusters as agreement
from ssljax.evaluation import labels, ridge
from ssljax.evaluation.features import Features
from ssljax.evaluation.protocols import build_protocol
from ssljax.evaluation.subject import NotMeasured
from tests.evaluation.protocols.subjects import subject_of

GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize("groups", [1, 3, 7])
def test_agreement_of_clusters_and_classes(groups):
    one, two = GENERATOR.integers(0, groups, 60), GENERATOR.integers(0, 4, 60)
    two[:20] = one[:20] % 4
    nmi = metrics.normalized_mutual_info_score(two, one)
    assert agreement.normalized_mutual_information(one, two) == pytest.approx(nmi, abs=1e-9)
    ari = metrics.adjusted_rand_score(two, one)
    assert agreement.adjusted_rand_index(one, two) == pytest.approx(ari, abs=1e-9)


def test_clusters_are_matched_one_to_one():
    groups = np.array([0, 0, 0, 1, 1, 1, 2])
    classes = np.array([0, 0, 1, 0, 0, 0, 1])
    # Cluster 1 is all of class 0, so cluster 0 is left with class 1, and cluster 2 with none.
    assert agreement.matching(groups, classes).tolist() == [1, 0, -1]


def test_kmeans_of_well_separated_classes(clusters):
    rows, truth = clusters
    blank = np.zeros((100, 64))
    subject = subject_of((blank, truth[:100], blank, truth[100:]))
    for part, at in (("train", slice(100)), ("test", slice(100, 200))):
        subject.keep(part, "", Features(rows[at], truth[at], np.arange(100)))
    found = build_protocol("kmeans", {"seeds": 3}).measure(subject)
    assert [one["value"] for one in found["numbers"].values()] == pytest.approx([1, 1, 1])
    coarse = build_protocol("kmeans", {"seeds": 3, "clusters": 2}).measure(subject)
    # Two clusters can be right for two of the four classes.
    assert max(coarse["numbers"]["accuracy, matched"]["draws"]) == 0.5
    assert coarse["numbers"]["NMI"]["value"] < 0.8


def test_ridge_is_scikit_learns():
    x = GENERATOR.normal(size=(80, 6)) * [1, 10, 0.1, 1, 1, 0] + 3
    y = x[:, :2] @ [[1.0, 0.2], [0.0, -1.0]] + GENERATOR.normal(size=(80, 2))
    for strength, fitted in zip((1e-3, 0.3), ridge.path(x, y, (1e-3, 0.3)), strict=True):
        unit = (x - x.mean(0)) / np.where(x.std(0) > 0, x.std(0), np.inf)
        oracle = Ridge(alpha=80 * strength).fit(unit, y)
        np.testing.assert_allclose(fitted.predict(x), oracle.predict(unit), atol=1e-6)
    found = ridge.scores(fitted.predict(x), y)
    assert found["R2"] == pytest.approx(metrics.r2_score(y, fitted.predict(x)), abs=1e-9)
    assert found["MSE"] == pytest.approx(metrics.mean_squared_error(y, fitted.predict(x)))
    assert ridge.scores(y * 7 + 1, y)["Spearman"] == pytest.approx(1)
    assert ridge.scores(0 * y, 0 * y) == {"R2": 0.0, "MSE": 0.0, "Spearman": 0.0}


def test_ridge_of_fewer_examples_than_features_is_scikit_learns():
    x, y = GENERATOR.normal(size=(12, 30)) + 3, GENERATOR.normal(size=(12, 2))
    for strength, fitted in zip((1e-3, 0.3), ridge.path(x, y, (1e-3, 0.3)), strict=True):
        unit = (x - x.mean(0)) / x.std(0)
        oracle = Ridge(alpha=12 * strength).fit(unit, y)
        further = GENERATOR.normal(size=(5, 30))
        seen = (further - x.mean(0)) / x.std(0)
        np.testing.assert_allclose(fitted.predict(further), oracle.predict(seen), atol=1e-6)


def test_average_precision_is_scikit_learns():
    truth = GENERATOR.random((50, 3)) < 0.3
    scores = np.round(GENERATOR.normal(size=(50, 3)) + truth, 1)  # with ties
    expected = metrics.average_precision_score(truth, scores)
    assert labels.mean_average_precision(scores, truth) == pytest.approx(expected, abs=1e-9)
    truth[:, 1] = False  # a label that no example has is left out
    expected = metrics.average_precision_score(truth[:, [0, 2]], scores[:, [0, 2]])
    assert labels.mean_average_precision(scores, truth) == pytest.approx(expected, abs=1e-9)


def test_regressions_of_each_label_are_scikit_learns():
    x = GENERATOR.normal(size=(60, 5)).astype(np.float32)
    truth = (x[:, :3] + GENERATOR.normal(size=(60, 3))) > 0.3
    (weights, bias), _ = labels.path(x, truth, (1e-2, 1e-3))
    for label in range(3):
        oracle = LogisticRegression(C=1 / (60 * 1e-2), tol=1e-8).fit(x, truth[:, label])
        np.testing.assert_allclose(weights[:, label], oracle.coef_[0], atol=2e-3)
        np.testing.assert_allclose(bias[label], oracle.intercept_[0], atol=2e-3)


@pytest.fixture(scope="module")
def few(digits):
    return digits[0][:500], digits[1][:500], digits[2][:200], digits[3][:200]


def test_regression_of_numbers(few):
    def targets(y):
        return np.stack([np.cos(y), y], axis=1).astype(np.float32)

    found = build_protocol("regression", {}).measure(
        subject_of((few[0], targets(few[1]), few[2], targets(few[3])))
    )
    numbers = found["numbers"]
    assert list(numbers) == ["R2", "MSE", "Spearman"] and numbers["MSE"]["better"] == "lower"
    assert 0.3 < numbers["R2"]["interval"][0] < numbers["R2"]["value"] < 1
    assert float(f"{found['strength']:g}") == min(
        map(float, found["tried"]), key=lambda one: found["tried"][f"{one:g}"]
    )
    for name in ("linear_sgd", "layers"):
        with pytest.raises(NotMeasured):
            build_protocol(name, {}).measure(
                subject_of((few[0], targets(few[1]), few[2], targets(few[3])))
            )
    with pytest.raises(NotMeasured, match=r"it needs targets float32\[K\] per example"):
        build_protocol("regression", {}).measure(subject_of(few))


def test_several_labels(few):
    def targets(y):
        return np.stack([y % 2 == 0, y > 6, y == 3], axis=1).astype(np.uint8)

    found = build_protocol("multi_label", {"strengths": (1e-1, 1e-2, 1e-3)}).measure(
        subject_of((few[0], targets(few[1]), few[2], targets(few[3])))
    )
    number = found["numbers"]["mAP"]
    assert 0.8 < number["interval"][0] < number["value"] < number["interval"][1] <= 1
    assert set(found["tried"]) == {"0.1", "0.01", "0.001"}
