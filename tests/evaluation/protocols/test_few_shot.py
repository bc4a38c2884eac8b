import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ssljax.evaluation.few_labels import draw_per_class
from ssljax.evaluation.protocols import build_protocol
from tests.evaluation.protocols.subjects import subject_of


def test_as_many_of_each_class_and_all_of_a_smaller_one():
    labels = np.array([3] * 10 + [5] * 2 + [8] * 30)
    drawn = draw_per_class(labels, 4, seed=1)
    assert np.bincount(labels[drawn]).tolist() == [0, 0, 0, 4, 0, 2, 0, 0, 4]
    assert (np.diff(drawn) > 0).all()
    assert drawn.tolist() != draw_per_class(labels, 4, seed=2).tolist()
    np.testing.assert_array_equal(drawn, draw_per_class(labels, 4, seed=1))


def test_accuracies_are_scikit_learns_on_the_same_draws(digits):
    few = tuple(part[:400] for part in digits)
    protocol = build_protocol("few_shot", {"per_class": (5,), "parts": (0.01,), "draws": 2})
    subject = subject_of(few)
    found = protocol.measure(subject)
    assert list(found["numbers"]) == ["accuracy, 5 per class"]
    assert found["notes"] == ["0.01 of train are 4 examples, fewer than classes"]
    assert found["draws"]["accuracy, 5 per class"]["labels"] == 50
    train, test = subject.features("train"), subject.features("test")
    ours = found["numbers"]["accuracy, 5 per class"]
    for seed, accuracy in enumerate(ours["draws"]):
        chosen = draw_per_class(train.labels, 5, seed)
        x = train.features[chosen]
        scale = np.where(x.std(0) > 0, x.std(0), np.inf)
        l2 = found["draws"]["accuracy, 5 per class"]["l2"][seed]
        oracle = LogisticRegression(C=1 / (len(chosen) * l2), tol=1e-8, max_iter=1000)
        oracle.fit((x - x.mean(0)) / scale, train.labels[chosen])
        expected = oracle.score((test.features - x.mean(0)) / scale, test.labels)
        assert accuracy == pytest.approx(expected, abs=1e-3)
    assert ours["value"] == pytest.approx(np.mean(ours["draws"]))
