import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import losses

noise_contrastive = jax.jit(losses.noise_contrastive, static_argnames="examples")


def test_where_all_probabilities_are_those_of_the_noise():
    m, n = 4096, 100_000
    # Orthogonal to all: exp(0) / Z with Z = n is 1 / n.
    z, bank = jnp.array([[1.0, 0.0]]), jnp.array([[0.0, 1.0]])
    loss = noise_contrastive(
        z, bank, jnp.tile(bank, (m, 1)), temperature=0.07, log_normalizer=math.log(n), examples=n
    )
    expected = math.log(m + 1) + m * math.log(1 + 1 / m)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    assert expected == pytest.approx(math.log(m + 1) + 1, abs=1e-3)  # 9.318


def test_by_hand():
    # P is e / 4 for the positive and 1 / (4 e) for the noise, of which there is 1 in 2: m / n = .5
    z = jnp.array([[3.0, 0.0]])
    loss = noise_contrastive(z, 2 * z, -z, temperature=1.0, log_normalizer=math.log(4), examples=2)
    e = math.e
    true, false = (e / 4) / (e / 4 + 0.5), (1 / (4 * e)) / (1 / (4 * e) + 0.5)
    np.testing.assert_allclose(loss, -math.log(true) - math.log(1 - false), rtol=1e-6)


def test_is_finite_where_probabilities_overflow():
    z = jnp.array([[1.0, 0.0]])
    loss, gradient = jax.value_and_grad(
        lambda z: losses.noise_contrastive(
            z, -z, z, temperature=1e-3, log_normalizer=0.0, examples=2
        ).sum()
    )(z)
    assert float(loss) == pytest.approx(2000, rel=1e-3)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", ["temperature", "examples"])
def test_options_have_to_be_positive(name):
    options = {"temperature": 0.07, "log_normalizer": 2.0, "examples": 4, name: 0}
    with pytest.raises(ValueError, match=f"{name} must be positive, got 0"):
        losses.noise_contrastive(jnp.eye(2), jnp.eye(2), jnp.eye(2), **options)


def test_softmax_over_the_bank_by_hand():
    # Cosines 1, -1 and 0 with the three rows of the bank, of which the last is the image's own.
    bank = jnp.array([[2.0, 0.0], [-1.0, 0.0], [0.0, 3.0]])
    loss = losses.non_parametric_softmax(bank[:1], jnp.array([2]), bank, temperature=0.5)
    np.testing.assert_allclose(loss, math.log(math.exp(2) + math.exp(-2) + 1), rtol=1e-6)


def test_softmax_over_equal_vectors():
    loss = losses.non_parametric_softmax(
        jnp.ones((1, 4)), jnp.array([7]), jnp.ones((50_000, 4)), temperature=0.07
    )
    assert float(loss[0]) == pytest.approx(math.log(50_000), rel=1e-6)


def test_softmax_over_the_bank_is_info_nce_with_the_others_as_negatives():
    z, bank = jax.random.normal(jax.random.key(0), (8, 4)), jnp.eye(8, 4) - 0.3
    loss = losses.non_parametric_softmax(z, jnp.arange(8), bank, temperature=0.5)
    for own in range(8):
        others = jnp.delete(bank, own, axis=0)
        single = losses.info_nce(z[own][None], bank[own][None], others, temperature=0.5)
        np.testing.assert_allclose(loss[own], single[0], rtol=1e-5)
