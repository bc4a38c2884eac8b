import math

import numpy as np
import pytest

from benchmarks.ngrams import DISCOUNT, losses


def test_losses_are_those_of_the_definition():
    train, test = (
        [np.array([0, 1, 2, 1]), np.array([0, 2])],
        [np.array([0, 1, 2]), np.array([3, 1])],
    )
    found = losses(train, test, 4)
    pairs = [(0, 1), (1, 2), (2, 1), (0, 2)]
    asked = [(0, 1), (1, 2), (3, 1)]

    def unigram(w):
        return (sum(b == w for _, b in pairs) + 1) / (len(pairs) + 4)

    def bigram(v, w):
        after = [b for a, b in pairs if a == v]
        if not after:
            return unigram(w)
        kept = max(after.count(w) - DISCOUNT, 0) / len(after)
        return kept + DISCOUNT * len(set(after)) / len(after) * unigram(w)

    wanted = {
        "unigrams": -sum(math.log(unigram(w)) for _, w in asked) / 3,
        "bigrams": -sum(math.log(bigram(*pair)) for pair in asked) / 3,
    }
    assert found == pytest.approx(wanted)
    for v in range(4):
        assert sum(bigram(v, w) for w in range(4)) == pytest.approx(1)
