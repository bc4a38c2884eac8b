"""Losses of tables against values worked out by hand."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import losses


def test_vime_of_scores_that_are_zero():
    mask = jnp.array([[True, False, True]] * 2)
    x = jnp.ones((2, 5))
    np.testing.assert_allclose(losses.vime(jnp.zeros((2, 3)), x, x, mask=mask), math.log(2))


def test_vime_by_hand():
    mask, x = jnp.array([[True, False]]), jnp.array([[1.0, 2.0, 3.0]])
    scores = jnp.log(jnp.array([[3.0, 1 / 7]]))  # 3/4 for the true, 7/8 for the false
    loss = losses.vime(scores, x + 2, x, mask=mask, alpha=0.5)
    np.testing.assert_allclose(loss, [(math.log(4 / 3) + math.log(8 / 7)) / 2 + 2], rtol=1e-6)


def test_masked_columns_of_equal_scores():
    """Scores beyond a column's categories count for nothing."""
    prediction = jnp.zeros((1, 3, 6)).at[0, 1, 4:].set(50.0).at[0, 0, 1:].set(jnp.inf)
    target = jnp.array([[2.0, 3.0, 0.0]])

    def loss(hidden):
        where = jnp.array([hidden])
        return losses.masked_columns(prediction, target, cardinalities=(0, 4, 6), where=where)

    np.testing.assert_allclose(loss([False, True, False]), [math.log(4)], rtol=1e-6)
    np.testing.assert_allclose(loss([False, True, True]), [math.log(24) / 2], rtol=1e-6)
    np.testing.assert_allclose(loss([True, False, False]), [4.0])


def test_columns_that_do_not_count_may_hold_anything():
    prediction, target = np.zeros((2, 3, 4), np.float32), np.ones((2, 3), np.float32)
    hidden = np.array([[True, False, True], [False, True, False]])

    def loss(prediction, target):
        values = losses.masked_columns(prediction, target, cardinalities=(0, 4, 2), where=hidden)
        return jnp.sum(values)

    both = jax.jit(jax.value_and_grad(loss))
    clean = both(prediction, target)
    prediction[~hidden], target[~hidden] = np.nan, np.nan
    jax.tree.map(np.testing.assert_array_equal, clean, both(prediction, target))


@pytest.mark.parametrize("wrong", [-1.0, 4.0, 1.5, float("nan")])
def test_a_category_that_there_is_not_is_no_loss_to_train_on(wrong):
    target = jnp.array([[0.5, 1.0], [0.5, wrong]])
    loss = losses.masked_columns(
        jnp.zeros((2, 2, 4)), target, cardinalities=(0, 4), where=jnp.ones((2, 2), bool)
    )
    assert np.isnan(loss).tolist() == [False, True]


def test_no_gradient_reaches_the_cells():
    gradient = jax.grad(
        lambda t: jnp.sum(
            losses.masked_columns(
                jnp.ones((1, 2, 3)), t, cardinalities=(0, 3), where=jnp.ones((1, 2), bool)
            )
        )
    )
    assert not gradient(jnp.array([[4.0, 1.0]])).any()


def test_messages_name_the_argument():
    x, hidden = jnp.ones((2, 4)), jnp.ones((2, 4), bool)
    with pytest.raises(ValueError, match=r"mask must have shape \[B, M\] with M = 4"):
        losses.vime(x, x, x, mask=hidden[:, :3])
    with pytest.raises(TypeError, match="mask must be of the bool dtype, got float32"):
        losses.vime(x, x, x, mask=x)
    with pytest.raises(ValueError, match="alpha must be at least 0, got -1"):
        losses.vime(x, x, x, mask=hidden, alpha=-1)
    prediction = jnp.ones((2, 4, 3))
    with pytest.raises(ValueError, match="cardinalities must be 4 numbers, one a column, got 2"):
        losses.masked_columns(prediction, x, cardinalities=(0, 3), where=hidden)
    with pytest.raises(ValueError, match="prediction must have at least 9 scores a column"):
        losses.masked_columns(prediction, x, cardinalities=(0, 9, 0, 0), where=hidden)
    with pytest.raises(ValueError, match="where must be True somewhere"):
        losses.masked_columns(
            prediction, x, cardinalities=(0, 3, 0, 0), where=np.zeros((2, 4), bool)
        )
