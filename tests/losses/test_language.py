"""Losses of language models against values worked out by hand; padding, packing, what is seen."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import losses
from ssljax.losses.language import followed

VOCAB, DIM = 11, 4
masked_lm = jax.jit(losses.masked_lm, static_argnames="block")
causal_lm = jax.jit(losses.causal_lm, static_argnames="block")


def drawn(batch, length, seed=0):
    keys = jax.random.split(jax.random.key(seed), 3)
    features = jax.random.normal(keys[0], (batch, length, DIM))
    embedding = jax.random.normal(keys[1], (VOCAB, DIM))
    return features, embedding, jax.random.randint(keys[2], (batch, length), 0, VOCAB)


@pytest.mark.parametrize(("vocab", "expected"), [(30522, 10.326), (50265, 10.825)])
def test_equal_scores_cost_the_log_of_the_vocabulary(vocab, expected):
    features, ids = jnp.ones((2, 3, 2)), jnp.array([[0, 5, 9]] * 2)
    embedding = jnp.ones((vocab, 2))
    masked = masked_lm(features, embedding, ids, where=jnp.ones((2, 3), bool))
    causal = causal_lm(features, embedding, ids, segments=jnp.ones((2, 3), jnp.int32))
    assert math.log(vocab) == pytest.approx(expected, abs=1e-3)
    np.testing.assert_allclose([*masked, *causal], math.log(vocab), rtol=1e-5)


def test_bert_and_electra_start_where_the_table_says():
    pair = losses.next_sentence(jnp.zeros((1, 2)), jnp.array([True]))[0]
    assert math.log(30522) + float(pair) == pytest.approx(11.019, abs=1e-3)
    ones = jnp.ones((1, 4), bool)
    told = losses.replaced_token(jnp.zeros((1, 4)), ~ones, where=ones)[0]
    assert math.log(30522) + 50 * float(told) == pytest.approx(44.98, abs=0.01)


def test_skip_gram_starts_at_six_log_two():
    loss = losses.skip_gram(jnp.ones((1, 3)), jnp.zeros((1, 3)), jnp.zeros((1, 5, 3)))
    np.testing.assert_allclose(loss, 6 * math.log(2), rtol=1e-6)


def test_masked_lm_by_hand():
    # Scores of the two ids are (1, 3) at the first place, (0, 0) at the second, with bias (0, 1).
    features, embedding = jnp.array([[[1.0], [0.0], [7.0]]]), jnp.array([[1.0], [3.0]])
    ids, where = jnp.array([[0, 1, 0]]), jnp.array([[True, True, False]])
    plain = (math.log(1 + math.e**2) + math.log(2)) / 2
    biased = (math.log(1 + math.e**3) + math.log(1 + math.e**-1)) / 2
    np.testing.assert_allclose(masked_lm(features, embedding, ids, where=where), plain, rtol=1e-6)
    found = masked_lm(features, embedding, ids, where=where, bias=jnp.array([0.0, 1.0]))
    np.testing.assert_allclose(found, biased, rtol=1e-6)


def test_causal_lm_by_hand():
    # The first token predicts the second, the second is the last of its text.
    features, embedding = jnp.array([[[1.0], [5.0], [2.0], [9.0]]]), jnp.array([[0.0], [1.0]])
    ids, segments = jnp.array([[0, 1, 1, 0]]), jnp.array([[1, 1, 2, 2]])
    expected = (math.log(1 + math.e) - 1 + math.log(1 + math.e**2)) / 2
    np.testing.assert_allclose(
        causal_lm(features, embedding, ids, segments=segments), expected, rtol=1e-6
    )


@pytest.mark.parametrize("loss", [losses.next_sentence, losses.sentence_order])
def test_class_0_is_the_true_pair(loss):
    logits = jnp.array([[2.0, 0.0], [2.0, 0.0], [1e30, -1e30]])
    found = loss(logits, jnp.array([False, True, False]))
    np.testing.assert_allclose(
        found, [math.log(1 + math.e**-2), math.log(1 + math.e**2), 0.0], rtol=1e-6
    )
    gradient = jax.grad(lambda x: jnp.sum(loss(x, jnp.array([False, True, False]))))(logits)
    assert np.isfinite(gradient).all() and gradient[0, 0] < 0 < gradient[1, 0]
    with pytest.raises(ValueError, match=r"logits must have shape \[B, 2\], got \[3, 3\]"):
        loss(jnp.zeros((3, 3)), jnp.ones(3, bool))
    with pytest.raises(TypeError, match="must be of the bool dtype"):
        loss(logits, jnp.array([0, 1, 0]))


def test_padding_and_packing_change_nothing():
    """A padded text is the text alone; a packed row is its texts, weighted by their tokens."""
    features, embedding, ids = drawn(1, 9)
    parts = [(0, 4), (4, 9)]
    segments = jnp.array([[1] * 4 + [2] * 5])
    packed = causal_lm(features, embedding, ids, segments=segments)[0]
    alone, weights = [], []
    for start, stop in parts:
        ones = jnp.ones((1, stop - start), jnp.int32)
        text = features[:, start:stop], embedding, ids[:, start:stop]
        alone.append(causal_lm(*text, segments=ones)[0])
        weights.append(float(followed(ones).sum()))
        more = ((0, 0), (0, 6))
        longer = jnp.pad(text[0], (*more, (0, 0)), constant_values=1e9), jnp.pad(text[2], more)
        segment = jnp.pad(ones, more)
        with_padding = causal_lm(longer[0], embedding, longer[1], segments=segment)
        np.testing.assert_allclose(with_padding, alone[-1], rtol=1e-6)
    np.testing.assert_allclose(packed, np.average(alone, weights=weights), rtol=1e-6)


@pytest.mark.parametrize("block", [1, 4, 9])
def test_blocks_change_neither_loss_nor_gradient(block):
    features, embedding, ids = drawn(2, 9)
    segments = jnp.array([[1] * 9, [1] * 3 + [2] * 4 + [0] * 2])

    def run(block):
        def loss(*trained):
            return jnp.sum(causal_lm(*trained, ids, segments=segments, block=block))

        return jax.value_and_grad(loss, argnums=(0, 1))(features, embedding)

    close = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6)
    jax.tree.map(close, run(block), run(0))


def test_blocks_keep_the_logits_out_of_memory():
    """Of 2,048 tokens and 4,096 ids the logits are 32 MiB; in blocks of 64, one MiB."""
    shapes = [((1, 2048, 8), "float32"), ((4096, 8), "float32"), ((1, 2048), "int32")]
    features, embedding, ids = (jax.ShapeDtypeStruct(*shape) for shape in shapes)

    def held(block):
        def loss(features, embedding, ids):
            segments = jnp.ones_like(ids)
            return jnp.sum(
                losses.causal_lm(features, embedding, ids, segments=segments, block=block)
            )

        run = jax.jit(jax.grad(loss, argnums=(0, 1)))
        return run.lower(features, embedding, ids).compile().memory_analysis().temp_size_in_bytes

    assert held(0) > 2**25 and held(64) < 2**23


def test_an_id_out_of_the_vocabulary_is_no_number():
    features, embedding, ids = drawn(1, 3)
    where = jnp.ones((1, 3), bool)
    bad = ids.at[0, 1].set(VOCAB)
    assert np.isnan(masked_lm(features, embedding, bad, where=where)).all()
    with pytest.raises(ValueError, match=r"ids must lie in \[0, 11\), got 11"):
        losses.masked_lm(features, embedding, bad, where=np.ones((1, 3), bool))
    unseen = masked_lm(features, embedding, bad, where=where.at[0, 1].set(False))
    assert np.isfinite(unseen).all()


def test_a_text_of_one_token_has_no_next():
    features, embedding, ids = drawn(1, 1)
    with pytest.raises(ValueError, match="ids must hold at least 2 tokens"):
        losses.causal_lm(features, embedding, ids, segments=jnp.ones((1, 1), jnp.int32))
