import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import losses
from tests.reference.losses import reconstruction as reference

masked_mse, normalize_patches = jax.jit(losses.masked_mse), jax.jit(losses.normalize_patches)
masked_l1, smooth_l1 = jax.jit(losses.masked_l1), jax.jit(losses.smooth_l1)
masked_cross_entropy = jax.jit(losses.masked_cross_entropy)
ALL = jnp.ones((4, 7), bool)


def test_mse_by_hand():
    target = jnp.array([[[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 2.0]]])
    np.testing.assert_allclose(losses.mse(jnp.zeros((2, 2, 2)), target), [30 / 4, 1.0])


@pytest.mark.parametrize("noise", [0.5, 1.0])
def test_the_best_linear_denoiser(noise):
    """x ~ N(0, 1) seen as x + noise: the best is x / (1 + noise^2), with s^2 / (1 + s^2) left."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, 200_000)).astype(np.float32)
    seen = x + noise * rng.normal(size=x.shape).astype(np.float32)
    optimum = noise**2 / (1 + noise**2)
    slopes = np.linspace(0, 1, 101)
    found = [float(losses.mse(jnp.asarray(slope * seen), jnp.asarray(x))[0]) for slope in slopes]
    assert min(found) == pytest.approx(optimum, rel=0.01)
    assert slopes[np.argmin(found)] == pytest.approx(1 / (1 + noise**2), abs=0.02)


def test_videomae_adds_the_epsilon_to_the_deviation():
    """Of a patch of two values 2 s apart the deviation is s sqrt 2; of one colour, all is 0."""
    patches = jnp.array([[-1e-6, 1e-6], [3.0, 3.0]])
    made = losses.normalize_patches(patches, outside=True)
    expected = 1e-6 / (2**0.5 * 1e-6 + 1e-6)
    np.testing.assert_allclose(made, [[-expected, expected], [0, 0]], rtol=1e-5)
    under = losses.normalize_patches(patches)
    np.testing.assert_allclose(under[0, 1], 1e-6 / (2e-12 + 1e-6) ** 0.5, rtol=1e-5)
    by = jax.grad(lambda x: losses.normalize_patches(x, outside=True)[0, 1])(patches)
    assert np.isfinite(by).all()
    wide = losses.normalize_patches(jax.random.normal(jax.random.key(0), (4, 512)), outside=True)
    assert float(jnp.mean(wide**2)) == pytest.approx(511 / 512, abs=1e-4)


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


def test_zero_prediction_of_normal_pixels():
    """E|x| of a standard normal, SimMIM's loss of predicting the mean."""
    target = jax.random.normal(jax.random.key(0), (4, 7, 20_000))
    loss = masked_l1(jnp.zeros_like(target), target, where=ALL)
    np.testing.assert_allclose(loss.mean(), math.sqrt(2 / math.pi), atol=0.005)


def test_zero_prediction_of_layer_normalised_features():
    """I-JEPA's loss of predicting zero: E smooth_l1 of a standard normal."""
    target = jax.random.normal(jax.random.key(0), (4, 7, 20_000))
    target = (target - target.mean(-1, keepdims=True)) / target.std(-1, keepdims=True)
    loss = smooth_l1(jnp.zeros_like(target), target)
    np.testing.assert_allclose(loss.mean(), 0.425, atol=0.003)


def test_equal_scores_of_visual_tokens():
    labels = jnp.arange(28).reshape(4, 7)
    loss = masked_cross_entropy(jnp.ones((4, 7, 8192)), labels, where=ALL)
    np.testing.assert_allclose(loss, math.log(8192), rtol=1e-6)


def test_absolute_and_smooth_errors_by_hand():
    prediction = jnp.array([[[1.0, -3.0], [9.0, 9.0]]])
    hidden = jnp.array([[True, False]])
    np.testing.assert_allclose(masked_l1(prediction, 0 * prediction, where=hidden), [2.0])
    # 1 is at the joint of the two parts: 1 / 2 from either; 3 - 1 / 2.
    np.testing.assert_allclose(smooth_l1(prediction, 0 * prediction, where=hidden), [1.5])
    wide = jax.jit(lambda p: losses.smooth_l1(p, 0 * p, where=hidden, beta=2.0))(prediction)
    np.testing.assert_allclose(wide, [(1 / 4 + 2) / 2])


def test_cross_entropy_by_hand():
    logits = jnp.log(jnp.array([[[1.0, 3.0], [1.0, 1.0], [1.0, 7.0]]]))
    hidden = jnp.array([[True, False, True]])
    loss = masked_cross_entropy(logits, jnp.array([[0, 0, 1]]), where=hidden)
    np.testing.assert_allclose(loss, [(math.log(4) + math.log(8 / 7)) / 2], rtol=1e-6)


def test_the_gradient_is_finite_at_the_joint_and_at_zero():
    slope = jax.jit(jax.grad(lambda p: jnp.sum(smooth_l1(p, jnp.zeros_like(p)))))
    at = jnp.array([[-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0]])
    np.testing.assert_allclose(slope(at)[0] * 7, [-1, -1, -0.5, 0, 0.5, 1, 1], rtol=1e-6)


def test_smooth_l1_takes_tokens_of_any_arrangement():
    prediction, target = jax.random.normal(jax.random.key(0), (2, 4, 3, 5, 6))
    loss = smooth_l1(prediction, target)
    flat = smooth_l1(prediction.reshape(4, 15, 6), target.reshape(4, 15, 6))
    np.testing.assert_allclose(loss, flat, rtol=1e-6)
    np.testing.assert_allclose(
        smooth_l1(prediction[:, 0, 0], target[:, 0, 0]),
        smooth_l1(prediction[:, :1, 0], target[:, :1, 0]),
    )


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


@pytest.mark.parametrize("name", ["masked_mse", "masked_l1", "smooth_l1"])
def test_visible_patches_do_not_count_even_as_nan(name):
    prediction, target = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    hidden = np.arange(4) % 2 == np.zeros((3, 1))

    def loss(prediction, target):
        return jnp.sum(getattr(losses, name)(prediction, target, where=hidden))

    clean = jax.value_and_grad(loss)(prediction, target)
    prediction[~hidden], target[~hidden] = np.nan, np.nan
    dirty = jax.value_and_grad(loss)(prediction, target)
    jax.tree.map(np.testing.assert_array_equal, clean, dirty)


def test_labels_of_visible_patches_do_not_count_but_those_of_hidden_ones_must_exist():
    logits, hidden = jnp.zeros((2, 3, 4)), jnp.array([[True, False, True]] * 2)
    gradient = jax.jit(
        jax.grad(lambda x, y: jnp.sum(losses.masked_cross_entropy(x, y, where=hidden)))
    )
    labels = jnp.array([[0, 9, 3], [0, -1, 1]])
    loss = masked_cross_entropy(logits.at[:, 1].set(jnp.nan), labels, where=hidden)
    assert np.isfinite(loss).all()
    assert np.isfinite(gradient(logits.at[:, 1].set(jnp.nan), labels)).all()
    for wrong in (-1, 4):
        loss = masked_cross_entropy(logits, labels.at[1, 2].set(wrong), where=hidden)
        assert np.isnan(loss).tolist() == [False, True]
        message = rf"labels must lie in \[0, 4\), got {wrong}"
        with pytest.raises(ValueError, match=message):
            losses.masked_cross_entropy(logits, labels.at[1, 2].set(wrong), where=hidden)


@pytest.mark.parametrize("name", ["masked_mse", "masked_l1", "smooth_l1"])
def test_an_empty_mask_is_refused_where_it_can_be_seen(name):
    loss, x = getattr(losses, name), jnp.ones((2, 4, 8))
    with pytest.raises(ValueError, match="where must be True somewhere, got an empty mask"):
        jax.jit(lambda x: loss(x, x, where=np.zeros((2, 4), bool)))(x)
    traced = jax.jit(lambda where: loss(x, 0 * x, where=where))(np.zeros((2, 4), bool))
    assert traced.tolist() == [0.0, 0.0]


def test_messages_name_the_argument():
    x = jnp.ones((2, 4, 8))
    with pytest.raises(TypeError, match="where must be of the bool dtype, got float32"):
        masked_mse(x, x, where=jnp.ones((2, 4)))
    with pytest.raises(ValueError, match=r"where must have shape \[B, N\] with N = 4"):
        masked_mse(x, x, where=jnp.ones((2, 5), bool))
    with pytest.raises(ValueError, match=r"where must have shape \[B, \.\.\.\]"):
        losses.smooth_l1(x, x, where=jnp.ones((2, 5), bool))
    with pytest.raises(ValueError, match="beta must be positive, got 0.0"):
        losses.smooth_l1(x, x, beta=0.0)
    with pytest.raises(TypeError, match="labels must be of an integer dtype, got float32"):
        losses.masked_cross_entropy(x, jnp.ones((2, 4)), where=jnp.ones((2, 4), bool))
    with pytest.raises(ValueError, match="where must be True somewhere"):
        losses.masked_cross_entropy(x, jnp.ones((2, 4), int), where=np.zeros((2, 4), bool))
    with pytest.raises(ValueError, match="patches must have at least 2 values each, got 1"):
        normalize_patches(jnp.ones((2, 4, 1)))
