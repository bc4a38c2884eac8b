"""Intervals of differences: against the published example and against what they promise."""

import numpy as np
import pytest

from ssljax.evaluation.intervals import gain, pack, paired_difference, unpack


def outcomes(both, ours_alone, theirs_alone, neither):
    ours = np.repeat([True, True, False, False], [both, ours_alone, theirs_alone, neither])
    theirs = np.repeat([True, False, True, False], [both, ours_alone, theirs_alone, neither])
    return ours, theirs


def test_bonett_and_price_by_hand():
    # p = 2/23, q = 8/23: -6/23 -+ 1.96 sqrt((10/23 - 36/529) / 23), of Fagerland et al.'s example
    # of airway reactivity: 1, 1, 7 and 12 of 21 children, interval -0.509 to -0.0127.
    difference, (low, high) = paired_difference(*outcomes(1, 1, 7, 12))
    assert difference == pytest.approx(-6 / 21)
    assert (low, high) == (pytest.approx(-0.509, abs=1e-3), pytest.approx(-0.0127, abs=1e-3))


def test_the_interval_covers_the_truth_in_19_of_20_samples():
    generator = np.random.default_rng(0)
    parts, covered = np.array([0.8, 0.08, 0.05, 0.07]), 0
    for counts in generator.multinomial(300, parts, size=2000):
        low, high = paired_difference(*outcomes(*counts))[1]
        covered += low <= 0.03 <= high
    assert 0.93 < covered / 2000 < 0.98


def test_packed_outcomes_come_back():
    correct = np.random.default_rng(0).random(1003) < 0.3
    np.testing.assert_array_equal(unpack(pack(correct), 1003), correct)
    assert len(pack(np.ones(10_000, bool))) < 1700


def test_an_evaluation_of_an_older_version_is_judged_by_both_intervals():
    old = {
        "pretrained": {"knn": {"accuracy": 0.953, "interval": [0.928, 0.969]}},
        "random_init": {"knn": {"accuracy": 0.955, "interval": [0.930, 0.971]}},
        "raw_input": {"knn": {"accuracy": 0.80, "interval": [0.76, 0.83]}},
    }
    assert gain(old, "random_init", "knn").verdict == "no measurable difference"
    assert gain(old, "raw_input", "knn").verdict == "better"
    assert gain(old, "raw_input", "linear") is None
