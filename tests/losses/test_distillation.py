import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import losses

byol_regression, negative_cosine = jax.jit(losses.byol_regression), jax.jit(losses.negative_cosine)


def test_agreement_is_the_minimum():
    z = jax.random.normal(jax.random.key(0), (8, 16))
    np.testing.assert_allclose(byol_regression(z, z), 0, atol=1e-14)
    np.testing.assert_allclose(byol_regression(z, 7 * z), 0, atol=1e-6)
    np.testing.assert_allclose(negative_cosine(z, 7 * z), -1, rtol=1e-6)


def test_opposites_are_the_maximum():
    z = jax.random.normal(jax.random.key(0), (8, 16))
    np.testing.assert_allclose(byol_regression(z, -z), 4, rtol=1e-6)
    np.testing.assert_allclose(negative_cosine(z, -z), 1, rtol=1e-6)


def test_independent_vectors_give_four_in_byol_sum_of_two_directions():
    p1, p2, z1, z2 = jax.random.normal(jax.random.key(0), (4, 2048, 256))
    loss = jnp.mean(byol_regression(p1, z2) + byol_regression(p2, z1))
    assert float(loss) == pytest.approx(4, abs=0.02)


def test_one_is_an_affine_function_of_the_other():
    p, z = jax.random.normal(jax.random.key(1), (2, 8, 16))
    np.testing.assert_allclose(byol_regression(p, z), 2 + 2 * negative_cosine(p, z), rtol=1e-5)


def test_small_differences_do_not_cancel():
    p, z = jnp.array([[1.0, 1e-5]]), jnp.array([[1.0, 0.0]])
    np.testing.assert_allclose(byol_regression(p, z), [1e-10], rtol=1e-4)


@pytest.mark.parametrize("loss", [byol_regression, negative_cosine])
def test_any_leading_axes(loss):
    p, z = jax.random.normal(jax.random.key(1), (2, 3, 4, 5))
    np.testing.assert_allclose(loss(p, z)[1], loss(p[1], z[1]), rtol=1e-6)
    with pytest.raises(ValueError, match=r"z must have shape \[..., D\] with ... = \[3, 4\]"):
        loss(p, z[:2])
