import jax
import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from ssljax.errors import UserError
from ssljax.evaluation.knn import knn_accuracy
from tests.reference.evaluation import knn_predictions


def random_problem(seed=0, count=150, queries=37, classes=5):
    generator = np.random.default_rng(seed)
    bank = generator.normal(size=(count, 6)).astype(np.float32)
    labels = generator.integers(0, classes, count) * 7 - 3  # neither 0.. nor contiguous
    return bank, labels, generator.normal(size=(queries, 6)).astype(np.float32)


@pytest.mark.parametrize("k", [1, 20, 150])
@pytest.mark.parametrize("temperature", [0.01, 0.07, 10.0])
def test_against_loops(k, temperature):
    bank, labels, queries = random_problem()
    expected = knn_predictions(bank, labels, queries, k=k, temperature=temperature)
    got = knn_accuracy(bank, labels, queries, expected, k=k, temperature=temperature)
    np.testing.assert_array_equal(got.predictions, expected)
    assert got.accuracy == 1.0


def test_against_scikit_learn_on_digits(digits):
    train, train_labels, test, test_labels = digits
    peer = KNeighborsClassifier(
        20, metric="cosine", algorithm="brute", weights=lambda d: np.exp((1 - d) / 0.07)
    ).fit(train, train_labels)
    got = knn_accuracy(train, train_labels, test, test_labels, k=20, temperature=0.07)
    np.testing.assert_array_equal(got.predictions, peer.predict(test))
    assert got.accuracy == peer.score(test, test_labels) > 0.95


@pytest.mark.parametrize("block", [1, 7, 37, 1000])
def test_the_block_size_changes_nothing(block):
    bank, labels, queries = random_problem()
    truth = np.repeat(labels[0], len(queries))
    whole = knn_accuracy(bank, labels, queries, truth)
    parts = knn_accuracy(bank, labels, queries, truth, block=block)
    np.testing.assert_array_equal(parts.predictions, whole.predictions)
    assert parts.accuracy == whole.accuracy


def test_the_order_of_the_bank_changes_nothing():
    bank, labels, queries = random_problem()
    truth = np.repeat(labels[0], len(queries))
    order = np.random.default_rng(3).permutation(len(bank))
    one = knn_accuracy(bank, labels, queries, truth)
    other = knn_accuracy(bank[order], labels[order], queries, truth)
    np.testing.assert_array_equal(one.predictions, other.predictions)


def test_separable_clusters_and_meaningless_labels(clusters):
    rows, labels = clusters
    assert knn_accuracy(rows[:100], labels[:100], rows[100:], labels[100:]).accuracy == 1.0
    generator = np.random.default_rng(0)
    rows, labels = generator.normal(size=(2000, 8)), generator.integers(0, 4, 2000)
    chance = knn_accuracy(rows[:1000], labels[:1000], rows[1000:], labels[1000:]).accuracy
    assert abs(chance - 0.25) < 0.05  # 3.6 standard errors


@pytest.mark.parametrize("block", [1, 2, 4])
def test_ties_go_to_the_earlier_row_and_the_smaller_label(block):
    bank = np.array([[1.0, 0], [2, 0], [3, 0], [0, 1]])
    query, truth = np.array([[1.0, 0]]), [9]
    assert knn_accuracy(bank, [9, 4, 4, 0], query, truth, block=block, k=1).predictions == [9]
    assert knn_accuracy(bank, [9, 4, 4, 0], query, truth, block=block, k=2).predictions == [4]
    assert knn_accuracy(bank, [9, 4, 4, 0], query, truth, block=block, k=3).predictions == [4]


def test_extreme_features():
    bank = np.array([[1e30, 0], [0, 1e-30], [0, 0], [-1, 0]], np.float32)
    query = np.array([[1e-30, 0], [0, 1e30], [-1e30, 1e20]], np.float32)
    got = knn_accuracy(bank, [0, 1, 2, 3], query, [0, 1, 3], k=4, temperature=0.001)
    assert got.accuracy == 1.0


def test_a_label_the_bank_lacks_is_an_error_of_the_classifier():
    bank, labels, queries = random_problem()
    assert knn_accuracy(bank, labels, queries, np.full(len(queries), 1000)).accuracy == 0


def test_a_bank_over_eight_devices(rows_over_eight_devices):
    bank, labels, queries = random_problem(count=160)
    truth = np.repeat(labels[0], len(queries))
    one = knn_accuracy(bank, labels, queries, truth)
    eight = knn_accuracy(jax.device_put(bank, rows_over_eight_devices), labels, queries, truth)
    np.testing.assert_array_equal(one.predictions, eight.predictions)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"k": 151}, UserError, "k must be between 1 and the 150 rows of the bank; got 151"),
        ({"k": 0}, UserError, "got 0"),
        ({"temperature": 0.0}, UserError, "temperature must be above 0"),
        ({"queries": np.ones((3, 5))}, ValueError, "bank has 6 dimensions, queries have 5"),
        ({"bank_labels": np.ones(149)}, ValueError, "bank must be"),
        ({"queries": np.ones((0, 6)), "query_labels": []}, ValueError, "queries must be"),
    ],
)
def test_what_cannot_be_used_is_refused(change, error, message):
    bank, labels, queries = random_problem(queries=3)
    given = {"bank": bank, "bank_labels": labels, "queries": queries, "query_labels": [0, 0, 0]}
    with pytest.raises(error, match=message):
        knn_accuracy(**given | change)
