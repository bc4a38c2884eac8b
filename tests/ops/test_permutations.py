import numpy as np
import pytest

from ssljax.ops.permutations import distant_permutations


def distances(permutations):
    differ = (permutations[:, None] != permutations[None]).sum(axis=-1)
    return differ[np.triu_indices(len(permutations), 1)]


@pytest.mark.parametrize("count, mean", [(100, 8.08), (1000, 8.00)])
def test_they_are_as_distant_as_the_papers(count, mean):
    """Table 4 of https://arxiv.org/abs/1603.09246: average and least Hamming distance."""
    permutations = distant_permutations(9, count)
    assert (np.sort(permutations, axis=1) == np.arange(9)).all()
    found = distances(permutations)
    assert found.mean() == pytest.approx(mean, abs=0.01) and found.min() == 2


def test_the_first_nine_differ_at_every_place():
    assert (distances(distant_permutations(9, 9)) == 9).all()


def test_every_permutation_comes_once():
    permutations = distant_permutations(4, 24)
    assert len({tuple(row) for row in permutations}) == 24


def test_more_permutations_begin_with_the_same():
    np.testing.assert_array_equal(distant_permutations(5, 9)[:6], distant_permutations(5, 6))


def test_what_is_cached_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        distant_permutations(3, 3)[0, 0] = 5


@pytest.mark.parametrize(
    "items, count, message",
    [
        (10, 5, "items must be from 2 to 9, got 10"),
        (3, 7, "count must be from 2 to the 6 permutations of 3 items, got 7"),
        (3, 1, "count must be from 2"),
    ],
)
def test_out_of_range(items, count, message):
    with pytest.raises(ValueError, match=message):
        distant_permutations(items, count)
