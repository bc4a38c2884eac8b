"""Negatives: uniform over what is allowed, a function of an example's own key."""

import jax
import numpy as np
import pytest

from ssljax.ops.negatives import draw_negatives


@pytest.mark.parametrize("sequences", [1, 3])
def test_all_but_the_predicted_times_are_drawn_equally_often(sequences):
    keys = jax.random.split(jax.random.key(0), 3)
    drawn = draw_negatives(keys, times=5, steps=2, count=20_000, sequences=sequences)
    assert drawn.shape == (3, 3, 20_000) and drawn.dtype == np.int32
    for b in range(3):
        for t in range(3):
            counts = np.bincount(drawn[b, t], minlength=5 * sequences)
            first = t + 1 + (b * 5 if sequences > 1 else 0)
            allowed = np.setdiff1d(np.arange(5 * sequences), [first, first + 1])
            assert len(counts) == 5 * sequences and not counts[[first, first + 1]].any()
            share = counts[allowed] / 20_000
            np.testing.assert_allclose(share, 1 / len(allowed), rtol=0.1)


def test_draws_of_a_sequence_depend_on_its_key_alone():
    keys = jax.random.split(jax.random.key(0), 4)
    options = {"times": 6, "steps": 1, "count": 9}
    whole = draw_negatives(keys, **options)
    np.testing.assert_array_equal(draw_negatives(keys[1:3], **options), whole[1:3])
    assert (np.asarray(whole[0]) != np.asarray(whole[1])).any()


def test_what_cannot_be_drawn_is_refused():
    keys = jax.random.split(jax.random.key(0), 4)
    with pytest.raises(ValueError, match="3 times leave none from which 3 steps"):
        draw_negatives(keys, times=3, steps=3, count=1)
    with pytest.raises(ValueError, match="sequences=2 must be 1, or that of the keys, 4"):
        draw_negatives(keys, times=3, steps=1, count=1, sequences=2)
