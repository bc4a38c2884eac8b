import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import losses
from tests.reference.losses import reconstruction as reference

masked_mse, normalize_patches = jax.jit(losses.masked_mse), jax.jit(losses.normalize_patches)


def test_normalize_patches_equals_the_loop():
    patches = np.random.default_rng(0).random((3, 4, 12))
    with jax.enable_x64(True):
        out = normalize_patches(patches)
    expected = [[reference.normalize_patch(p) for p in image] for image in patches]
    np.testing.assert_allclose(out, expected, rtol=1e-10)


def test_zero_prediction_of_normalised_patches():
    # The variance is the unbiased one: a mean square of (D - 1) / D, not of 1.
    target = normalize_patches(jax.random.normal(jax.random.key(0), (4, 7, 768)))
    loss = masked_mse(jnp.zeros_like(target), target, where=jnp.ones((4, 7), bool))
    np.testing.assert_allclose(loss, 767 / 768, rtol=2e-6)


def test_flat_patches_become_zero_and_have_a_gradient():
    flat = jnp.full((1, 2, 12), 0.3)
    assert float(jnp.abs(normalize_patches(flat)).max()) < 1e-3
    assert np.isfinite(jax.jit(jax.grad(lambda x: normalize_patches(x).sum()))(flat)).all()


def test_bfloat16_patches_become_float32():
    assert normalize_patches(jnp.ones((2, 12), jnp.bfloat16)).dtype == jnp.float32


def test_mean_is_over_all_hidden_patches_if_their_number_is_equal():
    prediction, target = jax.random.normal(jax.random.key(0), (2, 4, 6, 8))
    hidden = jnp.argsort(jax.random.uniform(jax.random.key(1), (4, 6)), axis=1) < 3
    error = jnp.square(prediction - target).mean(axis=-1)
    expected = (error * hidden).sum() / hidden.sum()
    np.testing.assert_allclose(
        masked_mse(prediction, target, where=hidden).mean(), expected, rtol=1e-6
    )


def test_visible_patches_do_not_count_even_as_nan():
    prediction, target = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    hidden = np.arange(4) % 2 == np.zeros((3, 1))

    def loss(prediction, target):
        return jnp.sum(masked_mse(prediction, target, where=hidden))

    clean = jax.value_and_grad(loss)(prediction, target)
    prediction[~hidden], target[~hidden] = np.nan, np.nan
    dirty = jax.value_and_grad(loss)(prediction, target)
    jax.tree.map(np.testing.assert_array_equal, clean, dirty)


def test_messages_name_the_argument():
    x = jnp.ones((2, 4, 8))
    with pytest.raises(TypeError, match="where must be of the bool dtype, got float32"):
        masked_mse(x, x, where=jnp.ones((2, 4)))
    with pytest.raises(ValueError, match=r"where must have shape \[B, N\] with N = 4"):
        masked_mse(x, x, where=jnp.ones((2, 5), bool))
    with pytest.raises(ValueError, match="patches must have at least 2 values each, got 1"):
        normalize_patches(jnp.ones((2, 4, 1)))
