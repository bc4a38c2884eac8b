import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import losses
from ssljax.ops import sinkhorn

prototype_cross_entropy = jax.jit(losses.prototype_cross_entropy)
swapped_prediction = jax.jit(losses.swapped_prediction)


def test_equal_scores():
    loss = prototype_cross_entropy(jnp.ones((3, 3000)), jnp.arange(3), temperature=0.1)
    np.testing.assert_allclose(loss, math.log(3000), rtol=1e-6)


def test_by_hand():
    scores = jnp.array([[0.5, 0.0], [0.5, 0.0]])
    loss = prototype_cross_entropy(scores, jnp.array([0, 1]), temperature=0.5)
    expected = [math.log(1 + math.exp(-1)), 1 + math.log(1 + math.exp(-1))]
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


@pytest.mark.parametrize("missing", [-1, -100])
def test_mean_over_the_assigned_rows(missing):
    scores = jax.random.normal(jax.random.key(0), (6, 4))
    ids = jnp.array([0, missing, 2, 3, missing, 1])
    loss = prototype_cross_entropy(scores, ids, temperature=0.1, where=ids >= 0)
    kept = jnp.array([0, 2, 3, 5])
    alone = prototype_cross_entropy(scores[kept], ids[kept], temperature=0.1)
    np.testing.assert_allclose(jnp.mean(loss, where=ids >= 0), jnp.mean(alone), rtol=1e-6)


@pytest.mark.parametrize("wrong", [-1, 4])
def test_an_id_out_of_range_is_loud(wrong):
    loss = prototype_cross_entropy(jnp.ones((2, 4)), jnp.array([wrong, 1]), temperature=0.1)
    assert np.isnan(loss).tolist() == [True, False]


def test_rows_that_do_not_count_may_be_nan():
    scores = jnp.ones((2, 4)).at[0].set(jnp.nan)
    where = jnp.array([False, True])

    def loss(scores):
        return jnp.sum(
            prototype_cross_entropy(scores, jnp.array([-1, 1]), temperature=0.1, where=where)
        )

    value, gradient = jax.value_and_grad(loss)(scores)
    assert float(value) == pytest.approx(math.log(4), rel=1e-6)
    assert not gradient[0].any() and gradient[1].any()


def test_messages_name_the_argument():
    scores = jnp.ones((2, 4))
    with pytest.raises(TypeError, match="assignments must be of an integer dtype, got float32"):
        prototype_cross_entropy(scores, jnp.ones(2), temperature=0.1)
    with pytest.raises(ValueError, match=r"assignments must have shape \[B\] with B = 2"):
        prototype_cross_entropy(scores, jnp.arange(3), temperature=0.1)
    with pytest.raises(ValueError, match=r"where must have shape \[B\] with B = 2"):
        prototype_cross_entropy(scores, jnp.arange(2), temperature=0.1, where=jnp.ones(3, bool))


def test_swapped_prediction_of_equal_scores():
    assignments = sinkhorn(jax.random.normal(jax.random.key(0), (3, 30)), epsilon=1.0, iterations=3)
    loss = swapped_prediction(jnp.ones((3, 30)), assignments, temperature=0.1)
    np.testing.assert_allclose(loss, math.log(30), rtol=1e-5)


def test_swapped_prediction_by_hand():
    # Differences of scores over the temperature are 1: log-probabilities are -log(1 + e^-+1).
    scores, assignments = jnp.array([[0.5, 0.0]]), jnp.array([[0.75, 0.25]])
    loss = swapped_prediction(scores, assignments, temperature=0.5)
    expected = 0.75 * math.log(1 + math.exp(-1)) + 0.25 * math.log(1 + math.exp(1))
    np.testing.assert_allclose(loss, [expected], rtol=1e-6)


def test_swapped_prediction_of_whole_clusters_is_the_cross_entropy():
    scores, ids = jax.random.normal(jax.random.key(0), (6, 4)), jnp.array([3, 1, 0, 0, 2, 3])
    loss = swapped_prediction(scores, jax.nn.one_hot(ids, 4), temperature=0.3)
    expected = prototype_cross_entropy(scores, ids, temperature=0.3)
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_swapped_prediction_refuses_other_prototypes():
    with pytest.raises(ValueError, match=r"assignments must have shape \[B, K\] with K = 4"):
        swapped_prediction(jnp.ones((2, 4)), jnp.ones((2, 5)), temperature=0.1)
