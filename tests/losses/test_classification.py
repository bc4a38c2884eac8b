import math

import jax
import jax.numpy as jnp
import pytest

from ssljax.losses import (
    binary_cross_entropy,
    label_cross_entropy,
    prototype_cross_entropy,
    soft_cross_entropy,
)


def test_equal_logits_have_loss_log_d():
    targets = jnp.full((2, 3, 313), 1 / 313)
    loss = soft_cross_entropy(jnp.ones((2, 3, 313)), targets, weights=jnp.ones((2, 3)))
    assert loss.tolist() == pytest.approx([math.log(313)] * 2, rel=1e-6)


def test_by_hand():
    logits = jnp.log(jnp.array([[[1.0, 3.0], [1.0, 1.0]]]))
    targets = jnp.array([[[0.25, 0.75], [1.0, 0.0]]])
    loss = soft_cross_entropy(logits, targets, weights=jnp.array([[2.0, 1.0]]))
    entropy = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert float(loss[0]) == pytest.approx((2 * entropy + math.log(2)) / 2, rel=1e-6)


def test_single_classes_are_prototype_cross_entropys():
    logits = jnp.array([[0.3, -1.2, 2.0], [0.5, 0.0, 0.1]])
    labels = jnp.array([2, 0])
    soft = soft_cross_entropy(
        logits[:, None], jnp.eye(3)[labels][:, None], weights=jnp.ones((2, 1))
    )
    hard = prototype_cross_entropy(logits, labels, temperature=1.0)
    assert soft.tolist() == pytest.approx(hard.tolist(), rel=1e-6)


def test_weights_have_to_be_one_for_each_place():
    logits = jnp.ones((2, 3, 4))
    with pytest.raises(ValueError, match=r"weights must have shape \[B, N\] with N = 3"):
        soft_cross_entropy(logits, logits, weights=jnp.ones((2, 4)))
    with pytest.raises(TypeError, match="weights must be of a float dtype, got int32"):
        soft_cross_entropy(logits, logits, weights=jnp.ones((2, 3), jnp.int32))


def test_labels_by_hand():
    logits = jnp.log(jnp.array([[[1.0, 3.0], [1.0, 1.0], [7.0, 1.0]], [[2.0, 1.0]] * 3]))
    labels = jnp.array([[1, 0, -1], [-1, -1, -1]])
    loss = label_cross_entropy(logits, labels)
    assert loss.tolist() == pytest.approx([(math.log(4 / 3) + math.log(2)) / 2, 0.0], rel=1e-6)


def test_positions_without_a_label_count_for_nothing():
    labels = jnp.array([[2, -1]])
    logits = jnp.array([[[0.1, 0.2, 0.3], [jnp.nan, jnp.inf, 0.0]]])
    loss, gradient = jax.value_and_grad(lambda x: label_cross_entropy(x, labels).sum())(logits)
    alone = label_cross_entropy(logits[:, :1], labels[:, :1])
    assert float(loss) == pytest.approx(float(alone[0])) and not gradient[0, 1].any()


def test_several_labels_by_hand():
    odds = jnp.log(jnp.array([[3.0, 1.0, 0.25]]))  # probabilities 3/4, 1/2, 1/5
    loss = binary_cross_entropy(odds, jnp.array([[1.0, 0.5, 0.0]]))
    expected = -(math.log(0.75) + math.log(0.5) + math.log(0.8)) / 3
    assert loss.tolist() == pytest.approx([expected], rel=1e-6)


def test_one_label_is_the_cross_entropy_of_two_classes():
    logits = jnp.array([[0.7], [-2.0]])
    both = jnp.concatenate([jnp.zeros((2, 1)), logits], axis=1)
    wanted = label_cross_entropy(both[:, None], jnp.array([[1], [0]]))
    found = binary_cross_entropy(logits, jnp.array([[1.0], [0.0]]))
    assert found.tolist() == pytest.approx(wanted.tolist(), rel=1e-6)
