import numpy as np
import pytest

from ssljax.evaluation.cache import cached
from ssljax.evaluation.features import Features


def features(seed):
    rows = np.random.default_rng(seed).normal(size=(6, 3)).astype(np.float32)
    return Features(rows, np.arange(6) % 2, np.arange(6))


class Score:
    """Counts how often it is computed."""

    def __init__(self):
        self.times = 0

    def __call__(self):
        self.times += 1
        return {"accuracy": 0.1 + 0.2, "tried": {"0.1": [1, 2]}}


def test_the_same_features_are_scored_once(tmp_path):
    score = Score()
    first = cached(tmp_path / "new", features(0), features(1), {"k": 20}, score)
    again = cached(tmp_path / "new", features(0), features(1), {"k": 20}, score)
    assert first == again == Score()() and score.times == 1


def one_bit_less(train, test, settings):
    rows = train.features.copy()
    rows[-1, -1] = np.nextafter(rows[-1, -1], 0)
    return train._replace(features=rows), test, settings


def another_label(train, test, settings):
    return train, test._replace(labels=1 - test.labels), settings


def other_settings(train, test, settings):
    return train, test, {"k": 10}


def no_labels(train, test, settings):
    return train._replace(labels=None), test, settings


@pytest.mark.parametrize("change", [one_bit_less, another_label, other_settings, no_labels])
def test_whatever_differs_is_scored_anew(tmp_path, change):
    score, what = Score(), (features(0), features(1), {"k": 20})
    cached(tmp_path, *what, score)
    cached(tmp_path, *change(*what), score)
    assert score.times == 2


def test_neither_a_broken_file_nor_a_missing_permission_stops_an_evaluation(tmp_path):
    score, what = Score(), (features(0), features(1), {"k": 20})
    cached(tmp_path / "kept", *what, score)
    (file,) = (tmp_path / "kept").iterdir()
    file.write_text('{"accuracy"')
    (tmp_path / "a file").touch()
    for folder in (tmp_path / "kept", tmp_path / "a file", None):
        assert cached(folder, *what, score) == Score()()
    assert score.times == 4
