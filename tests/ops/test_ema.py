import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.ops.ema import ema


def test_closed_form_after_many_steps():
    average, new = {"a": jnp.array([2.0]), "b": [jnp.zeros((2, 3))]}, {"a": jnp.array([5.0])}
    new["b"] = [jnp.ones((2, 3))]
    step = jax.jit(ema)
    for _ in range(50):
        average = step(average, new, 0.9)
    left = 0.9**50
    np.testing.assert_allclose(average["a"], [5 - 3 * left], rtol=1e-6)
    np.testing.assert_allclose(average["b"][0], np.full((2, 3), 1 - left), rtol=1e-6)


def test_both_ends():
    a, n = {"w": jax.random.normal(jax.random.key(0), (9,))}, {"w": jnp.full(9, 1e6)}
    np.testing.assert_array_equal(ema(a, n, 1.0)["w"], a["w"])
    np.testing.assert_allclose(ema(a, n, 0.0)["w"], n["w"], rtol=1e-6)


def test_nothing_moves_where_both_agree():
    same = {"w": jax.random.normal(jax.random.key(0), (999,))}
    np.testing.assert_array_equal(ema(same, same, 0.996)["w"], same["w"])


def test_half_precision_students_are_averaged_in_float32():
    average = {"w": jnp.ones(1)}
    student = {"w": jnp.full(1, 1.0078125, jnp.bfloat16)}
    for _ in range(10):
        average = ema(average, student, 0.9999)
    assert average["w"].dtype == jnp.float32
    np.testing.assert_allclose(average["w"] - 1, 0.0078125 * (1 - 0.9999**10), rtol=0.1)


def test_no_gradient_reaches_the_student():
    gradient = jax.grad(lambda n: ema({"w": jnp.ones(2)}, n, 0.5)["w"].sum())({"w": jnp.ones(2)})
    assert not gradient["w"].any()


def test_mismatches_are_refused():
    with pytest.raises(ValueError, match=r"new\['head'\]\['w'\] must have .* \[1\], got \[3\]"):
        ema({"head": {"w": jnp.ones(1)}}, {"head": {"w": jnp.ones(3)}}, 0.5)
    with pytest.raises(ValueError):
        ema({"w": jnp.ones(1)}, {"v": jnp.ones(1)}, 0.5)
    with pytest.raises(ValueError, match="momentum must be between 0 and 1, got 1.5"):
        ema({"w": jnp.ones(1)}, {"w": jnp.ones(1)}, 1.5)
