import dataclasses

import numpy as np
import pytest
import sklearn.model_selection

from ssljax.evaluation.measure import measure
from ssljax.evaluation.protocols.shift import Shift, parts_of
from ssljax.evaluation.subject import NotMeasured
from tests.evaluation.protocols.subjects import subject_of, three_of


def _grouped(subject, groups):
    examples = dataclasses.replace(subject.examples, groups=groups.get)
    return dataclasses.replace(subject, examples=examples)


def _writers(digits, count):
    """Return the digits with every fourth pixel shifted by the writer's own amount."""
    train, labels, test, test_labels = digits
    generator = np.random.default_rng(0)
    style = generator.normal(scale=6, size=(count, 64))
    groups = {"train": np.arange(len(labels)) % count, "test": np.arange(len(test_labels)) % count}
    moved = [
        np.clip(rows + style[groups[part]], 0, 15.9)
        for part, rows in (("train", train), ("test", test))
    ]
    return (moved[0], labels, moved[1], test_labels), groups


def test_a_shift_is_found_where_there_is_one(digits):
    moved, groups = _writers(digits, 4)
    subjects = [_grouped(one, groups) for one in three_of(moved)]
    found = measure({"shift": Shift(probe="knn")}, subjects)["shift"]
    numbers = found["pretrained"]["numbers"]
    unseen, usual = (numbers[one]["value"] for one in list(numbers)[:2])
    assert numbers["drop"]["value"] == pytest.approx(usual - unseen)
    assert numbers["drop"]["interval"][0] > 0.02
    assert found["pretrained"]["groups"] == found["pretrained"]["parts"] == 4
    by_group = found["pretrained"]["accuracies"]
    assert found["pretrained"]["worst_group"] == min(by_group.values())
    assert set(by_group) == {"0", "1", "2", "3"}
    assert found["gains"]["raw_input"]["accuracy, unseen groups"]["difference"] == 0


def test_no_shift_where_groups_say_nothing(digits):
    subject, drops = subject_of(digits), []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        counts = subject.examples.counts.items()  # equal groups: their programs are compiled once
        groups = {part: rng.permutation(np.arange(n) % 3) for part, n in counts}
        numbers = Shift(probe="knn").measure(_grouped(subject, groups))["numbers"]
        low, high = numbers["drop"]["interval"]
        assert high - low < 0.02
        drops.append(numbers["drop"]["value"])
    assert abs(np.mean(drops)) < 0.004  # three standard errors
    assert numbers["accuracy, unseen groups"]["examples"] == sum(subject.examples.counts.values())


def test_the_linear_probe(digits):
    few = tuple(one[:200] for one in digits)
    groups = {"train": np.array(["a", "b"] * 100), "test": np.array(["b", "c"] * 100)}
    found = Shift(parts=2).measure(_grouped(subject_of(few), groups))
    assert found["groups"] == 3 and found["parts"] == 2
    assert found["numbers"][Shift.main]["value"] > 0.85


def test_groups_are_whole_as_in_scikit_learn():
    group = np.random.default_rng(0).geometric(0.1, 500)
    group = np.unique(group, return_inverse=True)[1]
    part = parts_of(group, 5)
    sizes = sorted(np.bincount(part).tolist())
    folds = sklearn.model_selection.GroupKFold(5).split(np.zeros(500), groups=group)
    assert sizes == sorted(len(test) for _, test in folds)
    for one in range(group.max() + 1):
        assert len(set(part[group == one])) == 1
    assert parts_of(np.array([0, 1, 1]), 10).tolist() == [1, 0, 0]


def test_what_cannot_be_measured(digits):
    with pytest.raises(NotMeasured, match="do not say who or what"):
        Shift().measure(subject_of(digits))
    subject = subject_of(digits)
    one = {part: np.zeros(n) for part, n in subject.examples.counts.items()}
    with pytest.raises(NotMeasured, match="of one group"):
        Shift().measure(_grouped(subject, one))
    with pytest.raises(NotMeasured, match="labels"):
        Shift().measure(subject_of(digits, labels=False))
