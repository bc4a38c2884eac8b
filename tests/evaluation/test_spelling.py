"""Letters out of CTC's scores: by hand, against all paths, and their error rate."""

import collections
import itertools
import math

import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.evaluation import spelling
from ssljax.evaluation.predictions import score, sentence
from ssljax.evaluation.spelling import Spellings, beam, edits, greedy
from tests.reference.losses.alignment import spelled


def paths(*rows):
    return np.log(np.array(rows))


def test_repeats_are_joined_and_blanks_dropped():
    assert greedy(np.eye(4)[[0, 2, 2, 0, 2, 3, 3, 0]]) == [1, 1, 2]
    assert greedy(np.eye(4)[[0, 0]]) == []


@pytest.mark.parametrize("seed", range(5))
def test_edits_are_those_of_the_recursion(seed):
    rng = np.random.default_rng(seed)
    one, two = (rng.integers(0, 3, rng.integers(0, 6)).tolist() for _ in range(2))

    def least(a, b):
        if not a or not b:
            return len(a) + len(b)
        replaced = least(a[1:], b[1:]) + (a[0] != b[0])
        return min(replaced, least(a[1:], b) + 1, least(a, b[1:]) + 1)

    assert edits(one, two) == least(one, two) == edits(two, one)


@pytest.mark.parametrize("seed", range(5))
def test_a_wide_beam_finds_the_likeliest_letters_over_all_paths(seed):
    pytest.importorskip("fast_ctc_decode")
    shares = np.random.default_rng(seed).dirichlet(np.ones(4), 5)
    total = collections.Counter()
    for path in itertools.product(range(4), repeat=5):
        total[tuple(spelled(path))] += math.prod(shares[n, k] for n, k in enumerate(path))
    assert tuple(beam(np.log(shares), 500)) == total.most_common(1)[0][0]


def test_a_beam_without_its_package_says_what_to_install(monkeypatch):
    def absent(name, extra):
        raise UserError(f"this needs the package {name!r}; install the extra {extra}")

    monkeypatch.setattr(spelling, "optional_package", absent)
    with pytest.raises(UserError, match="fast_ctc_decode.*ctc"):
        Spellings(4).add(np.zeros((1, 2, 3)), np.zeros((1, 1), int))


def test_scores_are_over_all_letters():
    """One of three letters wrong, and one too many where none is: 2 of 4, one word of three."""
    blank, a, b = np.eye(3)
    logits = np.stack([[a, b, blank, a], [a, a, blank, blank], [blank, b, b, blank]])
    labels = np.array([[0, 1, 1], [-1, -1, -1], [1, -1, -1]])
    counted = Spellings()
    counted.add(logits, labels)
    assert counted.counts.tolist() == [[3, 1], [0, 1], [1, 0]]
    found = score("letters", counted.counts, counted.entities)
    assert found["letter_error"] == 0.5 and found["words"] == pytest.approx(1 / 3)
    low, high = found["interval_letter_error"]
    assert 0 <= low < 0.5 < high
    assert "letter error rate 50.0 (95% interval" in sentence("letters", found, 3)
    assert "beam_error" not in found


@pytest.mark.parametrize("letters", ["ab |", "ab|"])
def test_words_are_counted_where_a_space_or_bar_parts_them(letters):
    """ "ab a b" for "ab b": one word of two is too many, two letters of four."""
    mark = letters.find(" ") if " " in letters else 2
    ids = [0, 1, mark, 0, mark, 1]
    logits = np.eye(len(letters) + 1)[[k + 1 for k in ids]][None]
    counted = Spellings(0, letters)
    counted.add(logits, np.array([[0, 1, mark, 1, -1]]))
    assert counted.counts.tolist() == [[4, 2]] and counted.entities.tolist() == [[2, 1]]
    found = score("letters", counted.counts, counted.entities)
    assert found["word_error"] == 0.5 and "words" not in found
    assert "word error rate 50.0 (95% interval" in sentence("letters", found, 1)


def test_words_by_beam_search():
    pytest.importorskip("fast_ctc_decode")
    counted = Spellings(5, "a ")
    logits = 9 * np.eye(3)[[1, 2, 1, 0]][None]
    counted.add(logits, np.array([[0, 1, 0, 1, 0]]))
    assert counted.counts.tolist() == [[5, 2, 2]] and counted.entities.tolist() == [[3, 1, 1]]
    found = score("letters", counted.counts, counted.entities)
    assert found["beam_word_error"] == found["word_error"] == 1 / 3
