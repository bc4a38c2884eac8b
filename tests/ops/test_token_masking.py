"""Hidden tokens of texts: how many, which, and what stands there; pairs of sentences."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.ops.sentences import halves, join
from ssljax.ops.token_masking import at_places, mask_tokens

VOCAB, MASK, BATCH, LENGTH = 50, 3, 400, 40
KEYS = jax.random.split(jax.random.key(0), BATCH)
COUNTS = np.arange(BATCH) % (LENGTH + 1)
IDS = np.asarray(jax.random.randint(jax.random.key(1), (BATCH, LENGTH), 5, VOCAB))
WHERE = np.arange(LENGTH) < COUNTS[:, None]
run = jax.jit(
    functools.partial(mask_tokens, mask_id=MASK, vocab=VOCAB),
    static_argnames=("ratio", "masked", "random"),
)


def test_the_number_of_hidden_tokens_is_that_of_the_text():
    made = run(KEYS, IDS, where=WHERE, ratio=0.15)
    assert made.places.shape == (BATCH, 6)
    hidden = np.asarray(made.chosen.sum(axis=1))
    assert (np.abs(hidden - 0.15 * COUNTS)[COUNTS > 6] < 0.501).all()
    np.testing.assert_array_equal(hidden[COUNTS <= 6], np.minimum(COUNTS[COUNTS <= 6], 1))
    for row in range(BATCH):
        chosen = np.asarray(made.places[row])[np.asarray(made.chosen[row])]
        assert len(set(chosen)) == len(chosen) and WHERE[row, chosen].all()
        rest = np.setdiff1d(np.arange(LENGTH), chosen)
        np.testing.assert_array_equal(made.ids[row, rest], IDS[row, rest])


def test_eight_in_ten_are_masked_one_replaced_and_one_left():
    made = run(KEYS, IDS, where=WHERE, ratio=0.5)
    chosen = np.asarray(made.chosen)
    seen = np.asarray(at_places(made.ids, made.places))[chosen]
    true = np.asarray(at_places(jnp.asarray(IDS), made.places))[chosen]
    share = np.mean(seen == MASK), np.mean(seen == true)
    # A word drawn from the whole vocabulary is the mask token or the word itself 1 time in 50.
    error = 4 * np.sqrt(0.8 * 0.2 / len(seen))
    np.testing.assert_allclose(share, (0.8 + 0.1 / VOCAB, 0.1 + 0.1 / VOCAB), atol=error)
    words = seen[(seen != MASK) & (seen != true)]
    assert words.min() < 3 and words.max() == VOCAB - 1  # special tokens among them


def test_all_or_none_may_be_masked():
    every = run(KEYS, IDS, where=WHERE, ratio=0.5, masked=1.0, random=0.0)
    assert (np.asarray(at_places(every.ids, every.places))[np.asarray(every.chosen)] == MASK).all()
    none = run(KEYS, IDS, where=WHERE, ratio=0.5, masked=0.0, random=0.0)
    np.testing.assert_array_equal(none.ids, IDS)


def test_an_example_has_its_own_numbers():
    whole, half = (
        run(KEYS, IDS, where=WHERE, ratio=0.15),
        run(KEYS[::2], IDS[::2], where=WHERE[::2], ratio=0.15),
    )
    np.testing.assert_array_equal(whole.ids[::2], half.ids)
    other = run(jax.random.split(jax.random.key(7), BATCH), IDS, where=WHERE, ratio=0.15)
    assert (np.asarray(other.ids) != np.asarray(whole.ids)).any()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ratio": 0.0}, "ratio must be above 0"),
        ({"ratio": 1.0}, "ratio must be above 0"),
        ({"ratio": 0.5, "masked": 0.8, "random": 0.3}, "masked=0.8 and random=0.3 are"),
        ({"ratio": 0.5, "masked": -0.1}, "masked=-0.1 and"),
    ],
)
def test_what_cannot_be_drawn_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        mask_tokens(KEYS, IDS, where=WHERE, mask_id=MASK, vocab=VOCAB, **fields)


def texts(counts, length=12):
    """Return [CLS]=1, words from 10 on, [SEP]=2, as rows."""
    ids, segments = np.zeros((len(counts), length), np.int32), np.zeros((len(counts), length), int)
    for row, count in enumerate(counts):
        ids[row, :count] = [1, *range(10, 10 + count - 2), 2]
        segments[row, :count] = 1
    return jnp.asarray(ids), jnp.asarray(segments)


def test_two_halves_joined_are_the_text():
    counts = [3, 4, 5, 8, 11, 12] * 20
    ids, segments = texts(counts)
    cut = jax.jit(halves)(jax.random.split(jax.random.key(0), len(counts)), segments)
    first, second = np.asarray(cut.first), np.asarray(cut.second)
    np.testing.assert_array_equal(first + second, np.array(counts) - 2)
    assert (first >= 1).all() and (second[np.array(counts) > 3] >= 1).all()
    assert {*first[np.array(counts) == 8]} == {1, 2, 3, 4, 5}
    one = jnp.ones(len(counts), jnp.int32)
    made = jax.jit(functools.partial(join, begin=1, end=2))(
        (ids, one, cut.first), (ids, one + cut.first, cut.second)
    )
    for row, count in enumerate(counts):
        words = list(range(10, 10 + count - 2))
        a, b = words[: first[row]], words[first[row] :][: 12 - 3 - first[row]]
        expected = [1, *a, 2, *b, 2]
        padding = [0] * (12 - len(expected))
        np.testing.assert_array_equal(made.ids[row], expected + padding)
        np.testing.assert_array_equal(made.segments[row], [1] * len(expected) + padding)
        types = [0] * (len(a) + 2) + [1] * (len(b) + 1)
        np.testing.assert_array_equal(made.types[row], types + padding)
        assert len(b) >= 1 or count == 3


def test_a_text_without_words_is_a_pair_without_words():
    ids, segments = texts([2, 2])
    cut = halves(jax.random.split(jax.random.key(0), 2), segments)
    assert cut.first.tolist() == cut.second.tolist() == [0, 0]
    one = jnp.ones(2, jnp.int32)
    made = join((ids, one, cut.first), (ids, one, cut.second), begin=1, end=2)
    assert made.ids[0, :4].tolist() == [1, 2, 2, 0] and made.segments[0].sum() == 3
