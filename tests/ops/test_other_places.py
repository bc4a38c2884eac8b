import jax
import numpy as np
import pytest

from ssljax.ops.keys import per_example
from ssljax.ops.other_places import other_places

KEYS = jax.random.split(jax.random.key(0), 3)


def test_every_other_place_is_drawn_equally_often_and_never_the_place_itself():
    drawn = np.asarray(other_places(KEYS, places=5, count=4000))
    for place in range(5):
        counts = np.bincount(drawn[:, place].ravel(), minlength=5)
        assert counts[place] == 0 and np.delete(counts, place).min() > 2700


def test_draws_are_of_the_key_of_an_example_alone():
    keys = per_example(jax.random.key(1), 6)
    whole = other_places(keys, places=7, count=3)
    np.testing.assert_array_equal(whole[4:], other_places(keys[4:], places=7, count=3))
    assert not np.array_equal(whole[0], whole[1])


@pytest.mark.parametrize("fields", [{"places": 1, "count": 3}, {"places": 4, "count": 0}])
def test_there_must_be_another_place(fields):
    with pytest.raises(ValueError, match="places must be at least 2 and count at least 1"):
        other_places(KEYS, **fields)
