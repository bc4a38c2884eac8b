"""CTC: by hand, against optax, and what has no alignment."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ssljax import losses

ctc = jax.jit(losses.ctc)


def test_by_hand():
    """Two times, blank .5 and "a" .3: aa, a-, -a."""
    logits = np.log(np.float32([[[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]]]))
    loss = ctc(logits, np.array([[0, -1]]))
    np.testing.assert_allclose(loss, -math.log(0.09 + 0.15 + 0.15), rtol=1e-6)
    np.testing.assert_allclose(ctc(logits, np.array([[0, 1]])), -math.log(0.06), rtol=1e-6)
    np.testing.assert_allclose(ctc(logits, np.array([[-1, -1]])), -math.log(0.25))


def test_a_repeated_letter_needs_a_blank_between():
    logits = jax.random.normal(jax.random.key(0), (1, 2, 3))
    double = np.array([[1, 1]])
    assert ctc(logits, double) == 0
    assert not np.any(jax.jit(jax.grad(lambda x: jnp.sum(ctc(x, double))))(logits))
    three = jax.random.normal(jax.random.key(0), (1, 3, 3))
    log_p = np.asarray(jax.nn.log_softmax(three))[0]
    expected = -(log_p[0, 2] + log_p[1, 0] + log_p[2, 2])
    np.testing.assert_allclose(ctc(three, double), [expected], rtol=1e-5)


def test_equals_optax_where_there_is_an_alignment():
    with jax.enable_x64(True):
        _compare_with_optax()


def _compare_with_optax():
    keys = jax.random.split(jax.random.key(0), 2)
    logits = 2 * jax.random.normal(keys[0], (8, 30, 12), jnp.float64)
    labels = jax.random.randint(keys[1], (8, 9), 0, 11)
    labels = jnp.where(jnp.arange(9) < jnp.arange(2, 10)[:, None], labels, -1)

    def theirs(x):
        padding = (labels < 0).astype(jnp.float64)
        return optax.ctc_loss(x, jnp.zeros((8, 30)), jnp.maximum(labels + 1, 0), padding)

    np.testing.assert_allclose(ctc(logits, labels), jax.jit(theirs)(logits), rtol=1e-9)
    ours = jax.jit(jax.grad(lambda x: jnp.sum(losses.ctc(x, labels))))(logits)
    grad = jax.jit(jax.grad(lambda x: jnp.sum(theirs(x))))(logits)
    np.testing.assert_allclose(ours, grad, atol=1e-9)


def test_a_letter_out_of_range_is_named():
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 2\), got 2"):
        losses.ctc(jnp.zeros((1, 4, 3)), jnp.array([[0, 2]]))
