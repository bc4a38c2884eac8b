import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import losses

relational = jax.jit(losses.relational)


def test_of_equal_similarities():
    ones = jnp.ones((2, 4))
    loss = relational(
        ones, ones, jnp.ones((512, 4)), student_temperature=0.1, teacher_temperature=0.04
    )
    np.testing.assert_allclose(loss, math.log(512), rtol=1e-6)


def test_by_hand():
    # The student resembles neither row, the teacher the first more: H(p, uniform) = log 2; and the
    # other way around.
    memory = jnp.array([[2.0, 0.0], [-3.0, 0.0]])
    neither, first = jnp.array([[0.0, 1.0]]), jnp.array([[4.0, 0.0]])
    temperatures = {"student_temperature": 1.0, "teacher_temperature": 0.5}
    np.testing.assert_allclose(relational(neither, first, memory, **temperatures), math.log(2))
    # -(log q_1 + log q_2) / 2 with q = softmax(1, -1)
    expected = (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(2))) / 2
    np.testing.assert_allclose(relational(first, neither, memory, **temperatures), expected)


def test_is_least_where_the_student_is_the_teacher_at_equal_temperatures():
    student, teacher = jax.random.normal(jax.random.key(0), (2, 3, 4))
    memory = jax.random.normal(jax.random.key(1), (16, 4))
    compute = lambda z: losses.relational(  # noqa: E731
        z, teacher, memory, student_temperature=0.2, teacher_temperature=0.2
    )
    assert (compute(student) > compute(teacher)).all()
    gradient = jax.grad(lambda z: jnp.sum(compute(z)))(teacher)
    np.testing.assert_allclose(gradient, 0, atol=1e-6)


@pytest.mark.parametrize("name", ["student_temperature", "teacher_temperature"])
def test_temperatures_have_to_be_positive(name):
    temperatures = {"student_temperature": 0.1, "teacher_temperature": 0.04, name: 0.0}
    with pytest.raises(ValueError, match=f"{name} must be positive, got 0.0"):
        losses.relational(jnp.eye(2), jnp.eye(2), jnp.eye(2), **temperatures)
