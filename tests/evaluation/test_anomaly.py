import numpy as np
import pytest
import sklearn.covariance
import sklearn.metrics
import sklearn.neighbors

from ssljax.errors import UserError
from ssljax.evaluation.anomaly import knn_distance, ledoit_wolf, mahalanobis_distance
from ssljax.evaluation.few_labels import mean_interval
from ssljax.evaluation.roc import auroc, mean_auroc

SAMPLES = 2000


def test_area_against_scikit_learn():
    generator = np.random.default_rng(0)
    for spread in (0.1, 1, 5):  # with many ties, too
        positive = generator.random(300) < 0.3
        scores = np.round(positive + generator.normal(size=300) * spread, 1)
        expected = sklearn.metrics.roc_auc_score(positive, scores)
        assert auroc(scores, positive).area == pytest.approx(expected, abs=1e-12)


def test_variance_against_the_pairs():
    # By definition: V10(x) = mean over negatives of [x > y] + [x = y] / 2, V01 likewise.
    generator = np.random.default_rng(1)
    x, y = np.round(generator.normal(1, 1, 12), 1), np.round(generator.normal(0, 1, 20), 1)
    pairs = np.array([[float(a > b) + 0.5 * (a == b) for b in y] for a in x])
    variance = np.var(pairs.mean(1), ddof=1) / 12 + np.var(pairs.mean(0), ddof=1) / 20
    area = pairs.mean()
    found = auroc(np.concatenate([x, y]), np.arange(32) < 12)
    spread = 1.959964 * np.sqrt(variance) / (area * (1 - area))
    logit = np.log(area / (1 - area))
    expected = 1 / (1 + np.exp(-np.array([logit - spread, logit + spread])))
    assert found.area == pytest.approx(area)
    assert found.interval == pytest.approx(tuple(expected))


def test_the_interval_covers_the_true_area():
    generator = np.random.default_rng(2)
    truth = 0.7602499389065233  # P(N(1, 1) > N(0, 1)) = Phi(1 / sqrt 2)
    positive = np.arange(120) < 40
    covered = 0
    for _ in range(SAMPLES):
        low, high = auroc(generator.normal(size=120) + positive, positive).interval
        covered += low <= truth <= high
    assert 0.935 < covered / SAMPLES < 0.965


def test_the_mean_of_areas_is_as_certain_as_they_depend_on_each_other():
    generator = np.random.default_rng(3)
    positive = generator.random(400) < 0.5
    first, second = (generator.normal(size=400) + positive for _ in range(2))
    one, other = auroc(first, positive), auroc(second, positive)
    same = mean_auroc([(first, positive)] * 3)
    assert [same.area, *same.interval] == pytest.approx([one.area, *one.interval])
    both = mean_auroc([(first, positive), (second, positive)])
    assert both.area == pytest.approx((one.area + other.area) / 2)
    width = [high - low for _, (low, high), _ in (one, both)]
    assert width[1] / width[0] == pytest.approx(np.sqrt(0.5), abs=0.06)  # independent scores
    opposite = mean_auroc([(first, positive), (first, ~positive)])  # always a half, for certain
    assert opposite.area == pytest.approx(0.5)
    assert opposite.interval == pytest.approx((0.5, 0.5), abs=1e-6)


def test_the_difference_of_two_areas_is_of_pairs():
    # Two scores of the same examples that share most of their noise, and differ as much in truth.
    generator = np.random.default_rng(4)
    positive = np.arange(200) < 80
    found = []
    for _ in range(400):
        shared = generator.normal(size=200) + positive
        ours, theirs = (auroc(shared + 0.3 * generator.normal(size=200), positive) for _ in "ab")
        assert ours.each.mean() == pytest.approx(ours.area)
        mean, (low, high) = mean_interval(ours.each - theirs.each)
        assert mean == pytest.approx(ours.area - theirs.area)
        found.append(low <= 0 <= high)
        width = ours.interval[1] - ours.interval[0]
        assert high - low < 0.8 * width  # much narrower than of independent samples
    assert 0.92 < np.mean(found) < 0.98


def test_a_perfect_score_leaves_an_interval():
    # sd(A) of Hanley and McNeil at A = .8 and 10 of each kind: sqrt(1.04 / 100) = .1020
    area, (low, high), each = auroc(np.arange(20.0), np.arange(20) >= 10)
    assert area == 1
    assert low == pytest.approx(0.80, abs=0.002) and high == 1
    assert auroc(-np.arange(20.0), np.arange(20) >= 10).interval == pytest.approx((0, 1 - low))
    assert (each == 1).all()
    assert auroc(np.zeros(10), np.arange(10) < 3)[:2] == (0.5, (0.5, 0.5))  # always, of equal ones
    low, high = auroc(np.arange(5.0), np.arange(5) == 3).interval
    assert 0 < low < 0.75 < high < 1
    with pytest.raises(ValueError, match="0 positive, 4 negative"):
        auroc(np.zeros(4), np.zeros(4, bool))


def test_neighbours_against_scikit_learn():
    generator = np.random.default_rng(0)
    normal, queries = generator.normal(size=(80, 6)), generator.normal(size=(50, 6))
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (normal, queries)]
    index = sklearn.neighbors.NearestNeighbors(n_neighbors=5).fit(unit[0])
    expected = index.kneighbors(unit[1])[0].mean(axis=1)
    np.testing.assert_allclose(knn_distance(normal, queries, k=5), expected, atol=1e-5)
    np.testing.assert_allclose(knn_distance(normal * 3, queries * 0.1, k=5), expected, atol=1e-5)
    with pytest.raises(UserError, match="between 1 and the 80 normal examples; got 81"):
        knn_distance(normal, queries, k=81)


def test_neighbours_in_blocks(monkeypatch):
    generator = np.random.default_rng(0)
    normal, queries = generator.normal(size=(40, 3)), generator.normal(size=(31, 3))
    whole = knn_distance(normal, queries, k=2)
    monkeypatch.setattr("ssljax.evaluation.anomaly._BLOCK", 400)
    np.testing.assert_allclose(knn_distance(normal, queries, k=2), whole, rtol=1e-6)


@pytest.mark.parametrize("shape", [(200, 10), (15, 40)])
def test_covariance_against_scikit_learn(shape):
    rows = np.random.default_rng(0).normal(size=shape) * np.logspace(0, 1, shape[1]) + 4
    kept, floor = ledoit_wolf(rows)
    expected, amount = sklearn.covariance.ledoit_wolf(rows)
    assert kept == pytest.approx(1 - amount)
    covariance = kept * np.cov(rows.T, bias=True) + floor * np.eye(shape[1])
    np.testing.assert_allclose(covariance, expected, rtol=1e-9, atol=1e-12)
    queries = rows[:5] + 1
    oracle = sklearn.covariance.LedoitWolf().fit(rows).mahalanobis(queries)  # squared
    np.testing.assert_allclose(mahalanobis_distance(rows, queries) ** 2, oracle, rtol=1e-8)


def test_distance_from_a_mean_by_hand():
    # Variances 4 and 1 of many rows: shrinkage is small, and (2, 0) and (0, 1) are equally far.
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(20_000, 2)) * [2, 1]
    far = mahalanobis_distance(rows, rows.mean(axis=0) + [[2.0, 0], [0, 1], [0, 0]])
    np.testing.assert_allclose(far, [1, 1, 0], atol=0.03)
    constant = np.concatenate([rows[:50], np.zeros((50, 1))], axis=1)
    assert np.isfinite(mahalanobis_distance(constant, constant)).all()
    with pytest.raises(UserError, match="all 4 normal examples are equal"):
        mahalanobis_distance(np.ones((4, 3)), np.ones((1, 3)))
