import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from ssljax.ops.normalize import l2_normalize, standardize

SCALES = [1e-36, 1e-20, 1e-3, 1.0, 1e20, 1e37]


@pytest.mark.parametrize("scale", SCALES)
def test_value_at_any_scale(scale):
    x = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32) * np.float32(scale)
    exact = x.astype(np.float64)
    length = np.maximum(np.linalg.norm(exact, axis=1, keepdims=True), 1e-6)
    np.testing.assert_allclose(l2_normalize(x), exact / length, rtol=1e-5, atol=1e-37)


@pytest.mark.parametrize("scale", SCALES)
def test_gradient_is_finite_at_any_scale(scale):
    x = jnp.ones((1, 4)) * scale
    assert np.isfinite(jax.grad(lambda x: l2_normalize(x)[0, 0])(x)).all()


@pytest.mark.parametrize("scale", [1e-8, 3e-6, 1.0])
def test_gradient_is_exact(scale):
    # Below, just above and far above epsilon; the divisor held constant must not show.
    with jax.enable_x64(True):
        x = np.random.default_rng(0).normal(size=(3, 5))
        check_grads(jax.jit(lambda x: l2_normalize(x * scale)), (x,), order=1, rtol=1e-5, atol=1e-7)


def test_zero_has_the_gradient_of_division_by_epsilon():
    jacobian = jax.jacobian(l2_normalize)(jnp.zeros(3))
    np.testing.assert_allclose(jacobian, 1e6 * np.eye(3), rtol=1e-6)


def test_another_axis():
    x = jax.random.normal(jax.random.key(0), (3, 4))
    np.testing.assert_array_equal(l2_normalize(x, axis=0), l2_normalize(x.T).T)


@pytest.mark.parametrize("axis", [-1, 1, 0])
def test_standardized_along_an_axis(axis):
    x = np.random.default_rng(0).normal(2, 3, (4, 5, 6))
    with jax.enable_x64(True):
        out = standardize(x, axis=axis, epsilon=1e-3)
    exact = (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + 1e-3)
    np.testing.assert_allclose(out, exact, rtol=1e-12)


def test_what_is_constant_becomes_zero_and_has_a_gradient():
    x = jnp.full((2, 4), 3.0, jnp.bfloat16)
    out = standardize(x)
    assert out.dtype == jnp.float32 and not np.any(out)
    assert np.isfinite(jax.grad(lambda x: standardize(x)[0, 0])(x).astype(jnp.float32)).all()


def test_what_does_not_count_changes_nothing_and_comes_back_as_zero():
    x = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    where = np.array([[True] * 5, [True, True, True, False, False], [False] * 5])
    found = standardize(jnp.where(where, x, 1e9), where=where)
    np.testing.assert_allclose(found[0], standardize(x[0]), atol=1e-6)
    np.testing.assert_allclose(found[1, :3], standardize(x[1, :3]), atol=1e-6)
    np.testing.assert_array_equal(found[1, 3:], 0)
    np.testing.assert_array_equal(found[2], 0)
