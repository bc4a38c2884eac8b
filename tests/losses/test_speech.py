"""Losses of speech against values worked out by hand."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import losses
from ssljax.ops.other_places import other_places

contrast = jax.jit(losses.masked_contrastive, static_argnames="temperature")


def frames(batch=2, count=6, dim=4):
    prediction, target = jax.random.normal(jax.random.key(0), (2, batch, count, dim))
    codes = jnp.broadcast_to(jnp.arange(count)[:, None], (batch, count, 1))
    negatives = other_places(jax.random.split(jax.random.key(1), batch), places=count, count=9)
    return prediction, target, codes, negatives


def test_equal_similarities_of_a_hundred_negatives():
    """log 101, as at the start of a run; 0 where all frames have the codes of the positive."""
    _, _, codes, _ = frames()
    negatives = other_places(jax.random.split(jax.random.key(0), 2), places=6, count=100)
    zeros = jnp.zeros((2, 6, 4))
    loss = contrast(zeros, zeros, codes, negatives, temperature=0.1)
    np.testing.assert_allclose(loss, math.log(101), rtol=1e-6)
    assert not contrast(zeros, zeros, codes * 0, negatives, temperature=0.1).any()


def test_contrast_by_hand():
    """Targets are unit vectors, predictions the first of them: cosines are 1 and 0."""
    target = jnp.eye(3)[None]
    prediction = jnp.broadcast_to(7 * target[:, :1], (1, 3, 3))
    codes, negatives = jnp.array([[[0], [1], [2]]]), jnp.array([[[1], [0], [0]]])
    loss = contrast(prediction, target, codes, negatives, temperature=0.5)
    expected = (math.log(1 + math.exp(-2)) + 2 * math.log(1 + math.exp(2))) / 3
    np.testing.assert_allclose(loss, [expected], rtol=1e-6)


def test_a_negative_equal_to_the_positive_is_dropped():
    prediction, target, codes, negatives = frames()
    same = codes.at[:, 1].set(codes[:, 0])
    without = jnp.where((negatives == 1) & (jnp.arange(6)[:, None] == 0), -1, negatives)
    without = jnp.where((negatives == 0) & (jnp.arange(6)[:, None] == 1), -1, without)
    np.testing.assert_allclose(
        contrast(prediction, target, same, negatives, temperature=0.1),
        contrast(prediction, target, codes, without, temperature=0.1),
        rtol=1e-6,
    )


def test_padding_changes_nothing():
    """Frames behind the end, NaN included, and negatives among them, as if they were not there."""
    prediction, target, codes, negatives = frames()
    cut = [x[:, :4] for x in (prediction, target, codes, negatives)]
    cut[3] = jnp.where(cut[3] < 4, cut[3], -1)
    where = jnp.broadcast_to(jnp.arange(6) < 4, (2, 6))
    padded = prediction.at[:, 4:].set(jnp.nan), target.at[:, 4:].set(jnp.nan)

    def loss(prediction, target):
        found = losses.masked_contrastive(
            prediction, target, codes, negatives, temperature=0.1, where=where
        )
        return jnp.sum(found), found

    (_, found), gradient = jax.value_and_grad(loss, (0, 1), has_aux=True)(*padded)
    np.testing.assert_allclose(found, contrast(*cut, temperature=0.1), rtol=1e-5)
    assert all(np.isfinite(one).all() and not one[:, 4:].any() for one in gradient)


def test_lengths_do_not_matter():
    prediction, target, codes, negatives = frames()
    np.testing.assert_allclose(
        contrast(3 * prediction, 0.1 * target, codes, negatives, temperature=0.1),
        contrast(prediction, target, codes, negatives, temperature=0.1),
        rtol=1e-5,
    )


def test_diversity_of_few_codes():
    """0 if all are used equally; (G V - sum of the numbers in use) / G V; 1 - 1 / V for one."""
    diversity = jax.jit(losses.code_diversity)
    np.testing.assert_allclose(diversity(jnp.zeros((2, 3, 2, 320))), 0, atol=1e-5)
    one = jnp.zeros((2, 3, 2, 320)).at[..., 5].set(100.0)
    np.testing.assert_allclose(diversity(one), 1 - 1 / 320, rtol=1e-6)
    # Three frames have three codes of the first group, and one of the second.
    logits = 100 * jnp.stack([jnp.eye(4)[:3], jnp.eye(4)[:1].repeat(3, 0)], axis=1)[None]
    np.testing.assert_allclose(diversity(logits), (8 - 3 - 1) / 8, rtol=1e-6)
    gradient = jax.grad(losses.code_diversity)(jnp.zeros((1, 2, 2, 4)).at[..., 0].set(1e4))
    assert np.isfinite(gradient).all()


def test_units_of_equal_vectors():
    where = jnp.ones((2, 3), bool)
    labels = jnp.array([[0, 99, 7]] * 2)
    x = jax.random.normal(jax.random.key(0), (2, 3, 8))
    loss = losses.masked_units(x, jnp.ones((100, 8)), labels, temperature=0.1, where=where)
    np.testing.assert_allclose(loss, math.log(100), rtol=1e-5)


def test_units_by_hand():
    x, where = jnp.array([[[2.0, 0.0], [9.0, 9.0]]]), jnp.array([[True, False]])
    loss = losses.masked_units(
        x, jnp.array([[5.0, 0.0], [0.0, 3.0]]), jnp.array([[1, 7]]), temperature=0.1, where=where
    )
    np.testing.assert_allclose(loss, [math.log(1 + math.exp(10))], rtol=1e-6)


def test_messages_name_the_argument():
    x, codes, negatives, _ = *frames()[1:], None
    with pytest.raises(ValueError, match=r"codes must have shape \[B, N, G\] with N = 6"):
        losses.masked_contrastive(x, x, codes[:, :5], negatives, temperature=0.1)
    with pytest.raises(TypeError, match="negatives must be of an integer dtype"):
        losses.masked_contrastive(x, x, codes, negatives * 1.0, temperature=0.1)
    with pytest.raises(ValueError, match="temperature must be positive, got 0"):
        losses.masked_contrastive(x, x, codes, negatives, temperature=0)
    with pytest.raises(ValueError, match="where must be True somewhere"):
        losses.code_diversity(jnp.zeros((1, 2, 2, 4)), where=jnp.zeros((1, 2), bool))
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 3\), got 3"):
        losses.masked_units(
            x, jnp.ones((3, 4)), jnp.full((2, 6), 3), temperature=0.1, where=jnp.ones((2, 6), bool)
        )
