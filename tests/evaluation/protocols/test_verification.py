"""Verification: trials by hand, the equal error rate against loops, what is not measured."""

import dataclasses

import numpy as np
import pytest

from ssljax.evaluation.measure import measure
from ssljax.evaluation.protocols.verification import (
    Verification,
    equal_error_rate,
    trials_of,
)
from ssljax.evaluation.subject import NotMeasured
from tests.evaluation.protocols.subjects import subject_of, three_of


def _of_groups(subject, groups):
    examples = dataclasses.replace(subject.examples, groups=groups.get)
    return dataclasses.replace(subject, examples=examples)


def test_trials_are_all_pairs_or_a_draw_of_them_half_of_one_speaker():
    group = np.array([0, 1, 0, 1, 2])
    one, two, same = trials_of(group, 100)
    assert sorted(zip(one.tolist(), two.tolist(), strict=True)) == [
        (i, j) for i in range(5) for j in range(i + 1, 5)
    ]
    np.testing.assert_array_equal(same, group[one] == group[two])
    group = np.arange(200) % 10
    one, two, same = trials_of(group, 500)
    assert same.sum() == 250 and len(same) == 500
    assert len(set(zip(one.tolist(), two.tolist(), strict=True))) == 500 and (one != two).all()
    again = trials_of(group, 500)
    assert all((a == b).all() for a, b in zip(again, (one, two, same), strict=True))


def test_equal_error_rate_by_hand():
    """At a threshold between .4 and .5 a third of each kind is wrong."""
    same = np.array([True, True, True, False, False, False])
    scores = np.array([0.9, 0.8, 0.4, 0.5, 0.3, 0.1])
    assert equal_error_rate(scores, same) == pytest.approx(1 / 3)
    assert equal_error_rate(-scores, same) == pytest.approx(2 / 3)
    assert equal_error_rate(np.where(same, 1.0, 0.0), same) == 0
    assert equal_error_rate(np.zeros(6), same) == pytest.approx(0.5)
    # One of four wrong at one threshold, none at the next: between them, where both are equal.
    assert equal_error_rate(
        np.array([4.0, 3.0, 1.0, 2.0, 0.0]), np.array([True, True, True, False, False])
    ) == pytest.approx(1 / 3)


def test_equal_error_rate_is_where_the_errors_meet():
    rng = np.random.default_rng(0)
    same = rng.random(4000) < 0.5
    scores = rng.normal(size=4000) + 1.5 * same
    value = equal_error_rate(scores, same)
    gaps = [
        (abs(np.mean(scores[~same] >= t) - np.mean(scores[same] < t)), np.mean(scores[same] < t))
        for t in scores
    ]
    assert value == pytest.approx(min(gaps)[1], abs=1e-3)
    weights = rng.integers(0, 3, 4000)
    repeated = np.repeat(np.arange(4000), weights)
    assert equal_error_rate(scores, same, weights.astype(float)) == pytest.approx(
        equal_error_rate(scores[repeated], same[repeated])
    )


def test_digits_as_speakers_are_verified_better_than_by_chance(digits):
    groups = {part: np.asarray(digits[at]) for part, at in (("train", 1), ("test", 3))}
    subjects = [_of_groups(one, groups) for one in three_of(digits)]
    found = measure({"verification": Verification(trials=2000)}, subjects)["verification"]
    row = found["pretrained"]
    eer = row["numbers"]["EER"]
    assert eer["value"] < 0.25 and eer["interval"][0] < eer["value"] < eer["interval"][1]
    assert eer["better"] == "lower" and row["speakers"] == 10
    assert found["random_init"]["numbers"]["EER"]["value"] > eer["value"] + 0.05
    difference = found["gains"]["raw_input"]["EER"]["difference"]
    assert difference == 0  # it is the same input
    assert "1,000 trials of one and 1,000 of two of 10 speakers" in row["notes"][0]


def test_features_that_are_all_alike_are_at_chance(digits):
    groups = {"test": np.asarray(digits[3])}
    subject = subject_of(digits, encode=lambda images, output: 0 * images.reshape(len(images), -1))
    numbers = Verification(trials=200).measure(_of_groups(subject, groups))["numbers"]
    assert numbers["EER"]["value"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (lambda n: None, "do not say of whom"),
        (lambda n: np.zeros(n, int), "two speakers, one with two examples"),
        (lambda n: np.arange(n), "two speakers, one with two examples"),
    ],
)
def test_without_speakers_it_is_not_measured(digits, groups, message):
    subject = subject_of(digits)
    said = {"test": groups(subject.examples.counts["test"])}
    with pytest.raises(NotMeasured, match=message):
        Verification().measure(_of_groups(subject, said))
