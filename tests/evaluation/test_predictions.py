"""Scores of predictions: scikit-learn's, cases by hand, and what cannot be told."""

import numpy as np
import pytest
from sklearn import metrics

from ssljax.evaluation.entities import spans
from ssljax.evaluation.intervals import wilson
from ssljax.evaluation.predictions import MAIN, Counts, score, sentence
from ssljax.spec import TARGETS

RNG = np.random.default_rng(0)


def test_accuracies_are_scikit_learns():
    scores, labels = RNG.normal(size=(300, 8)), RNG.integers(0, 8, 300)
    scores[np.arange(300), labels] += 1
    found = score("class", scores, labels)
    for name, k in (("accuracy", 1), ("top5", 5)):
        wanted = metrics.top_k_accuracy_score(labels, scores, k=k, labels=range(8))
        assert found[name] == pytest.approx(wanted)
        assert found[f"interval_{name}"] == pytest.approx(wilson(wanted, 300))
    assert "top5" not in score("class", scores[:, :5], np.minimum(labels, 4))


def test_equal_scores_and_classes_that_training_lacks():
    """The first of equal scores counts, as argmax has it; an unknown class is an error."""
    scores = np.zeros((3, 2))
    found = score("class", scores, np.array([0, 1, 5]))
    assert found["accuracy"] == pytest.approx(1 / 3)


def test_mean_average_precision_is_scikit_learns():
    scores, labels = RNG.normal(size=(200, 3)), RNG.integers(0, 2, (200, 3)).astype(np.uint8)
    labels[:, 2] = 1  # there in all examples: no precision to tell
    scores[:, 0] += 2 * labels[:, 0]
    found = score("multi_label", scores, labels)
    wanted = np.mean([metrics.average_precision_score(labels[:, k], scores[:, k]) for k in (0, 1)])
    assert found["mean_ap"] == pytest.approx(wanted)
    low, high = found["interval_mean_ap"]
    assert low < wanted < high < low + 0.2
    alike = score("multi_label", scores[:, 2:], labels[:, 2:])
    assert alike == {"mean_ap": None, "interval_mean_ap": None}


@pytest.mark.parametrize("shape", ((150,), (150, 2)))
def test_regression_is_scored_as_scikit_learn_does(shape):
    targets = 10 + 3 * RNG.normal(size=shape).astype(np.float32)
    predictions = (targets + RNG.normal(size=shape)).reshape(150, -1)
    found = score("regression", predictions, targets)
    assert found["r2"] == pytest.approx(metrics.r2_score(targets.reshape(150, -1), predictions))
    assert found["mse"] == pytest.approx(
        metrics.mean_squared_error(targets.reshape(150, -1), predictions)
    )
    assert len(found["mse_of_each"]) == predictions.shape[1]
    assert found["interval_r2"][0] < found["r2"] < found["interval_r2"][1]
    constant = score("regression", predictions, np.ones(shape))
    assert constant["r2"] is None and constant["mse"] > 0


def test_intersections_over_unions_are_scikit_learns_jaccard():
    masks = RNG.integers(-1, 3, (20, 5, 4))
    predicted = np.where(RNG.random(masks.shape) < 0.7, np.maximum(masks, 0), 2)
    counts = Counts(4)  # the last class is never there
    counts.add(predicted[:12], masks[:12])
    counts.add(predicted[12:], masks[12:])
    found = score("mask", counts.counts, np.zeros(0))
    marked = masks >= 0
    wanted = metrics.jaccard_score(masks[marked], predicted[marked], average="macro")
    assert found["mean_iou"] == pytest.approx(wanted)
    assert found["pixel_accuracy"] == pytest.approx((masks == predicted)[marked].mean())
    low, high = found["interval_mean_iou"]
    assert low < wanted < high


def _entities_in_a_loop(tags):
    """One after another: where one begins, and how far it goes."""
    found = []
    for start, tag in enumerate(tags):
        before = tags[start - 1] if start else "O"
        if tag == "O" or (tag[0] == "I" and before != "O" and before[2:] == tag[2:]):
            continue
        end = start + 1
        while end < len(tags) and tags[end] == "I-" + tag[2:]:
            end += 1
        found.append((start, end, tag[2:]))
    return found


def test_tags_of_words_are_scored_as_scikit_learn_does():
    names = ("B-LOC", "B-PER", "I-LOC", "I-PER", "O", "never")
    true = RNG.integers(-1, 5, (40, 9))
    predicted = np.where(RNG.random(true.shape) < 0.8, np.maximum(true, 0), 4)
    counts = Counts(6, names[:5])
    counts.add(predicted, true)
    found = score("tokens", counts.counts, counts.entities)
    marked = true >= 0
    wanted = metrics.f1_score(true[marked], predicted[marked], average="macro")
    assert found[MAIN["tokens"]] == pytest.approx(wanted)
    assert found["token_accuracy"] == pytest.approx((true == predicted)[marked].mean())
    right = made = there = 0
    for own, tags in zip(predicted, true, strict=True):
        one, two = (
            _entities_in_a_loop([names[tag] for tag in each[tags >= 0]]) for each in (own, tags)
        )
        made, there = made + len(one), there + len(two)
        right += sum(entity in two for entity in one)
    assert found["entity_f1"] == pytest.approx(2 * right / (made + there))
    low, high = found["interval_entity_f1"]
    assert low < found["entity_f1"] < high
    assert "entity-level F1" in sentence("tokens", found, 40)
    for other in (names, ("NN", "VB"), ("O",), None):  # no names of entities
        counts = Counts(6, other)
        counts.add(predicted, true)
        assert "entity_f1" not in score("tokens", counts.counts, counts.entities)


def test_entities_by_hand():
    """A lone I- begins one; another type, B- and O end it."""
    tags = ["I-A", "I-A", "I-B", "B-B", "O", "B-A"]
    assert spans(tags) == {(0, 2, "A"), (2, 3, "B"), (3, 4, "B"), (5, 6, "A")}


def test_segmentation_by_hand():
    counts = Counts(2)
    counts.add(np.array([[[0, 0, 1, 1]]]), np.array([[[0, 1, 1, -1]]]))
    found = score("mask", counts.counts, np.zeros(0))
    assert found["mean_iou"] == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert found["pixel_accuracy"] == pytest.approx(2 / 3)


def test_a_line_says_every_score():
    found = score("class", np.eye(10), np.arange(10))
    text = sentence("class", found, 10)
    assert "accuracy 100.0 (95% interval 72.2 to 100.0); top-5 accuracy 100.0" in text
    assert text.endswith("(class, 10 examples)")
    alike = score("regression", np.zeros((4, 1)), np.ones(4))
    assert "R2 not defined: the targets of test are all alike" in sentence("regression", alike, 4)
    assert set(MAIN) == {*TARGETS}
