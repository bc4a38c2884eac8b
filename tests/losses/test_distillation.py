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


similarity_distillation = jax.jit(losses.similarity_distillation)
TEMPERATURES = {"student_temperature": 0.2, "teacher_temperature": 0.01}


def test_equal_similarities_lose_the_logarithm_of_their_number():
    one = jnp.ones((2, 4))
    loss = similarity_distillation(one, one, jnp.ones((99, 4)), **TEMPERATURES)
    np.testing.assert_allclose(loss, np.log(100), rtol=1e-5)


def test_a_sharp_teacher_makes_it_the_contrast_of_student_and_teacher():
    student, teacher = jax.random.normal(jax.random.key(0), (2, 4, 8))
    queue = jax.random.normal(jax.random.key(1), (32, 8))
    loss = similarity_distillation(
        student, teacher, queue, student_temperature=0.2, teacher_temperature=1e-3
    )
    contrast = losses.info_nce(student, teacher, queue, temperature=0.2)
    np.testing.assert_allclose(loss, contrast, rtol=1e-5)


@pytest.mark.parametrize("name", TEMPERATURES)
def test_similarity_distillation_refuses_a_temperature_of_0(name):
    with pytest.raises(ValueError, match=f"{name} must be positive, got 0.0"):
        losses.similarity_distillation(
            jnp.ones((2, 4)), jnp.ones((2, 4)), jnp.ones((3, 4)), **{**TEMPERATURES, name: 0.0}
        )
