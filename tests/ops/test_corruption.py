import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.ops.corruption import gaussian_noise, masking_noise

KEYS = jax.random.split(jax.random.key(0), 4)
X = 1.0 + jax.random.uniform(jax.random.key(1), (4, 50, 50, 3))


def test_masking_loses_the_given_part_and_leaves_the_rest():
    noisy = np.asarray(masking_noise(KEYS, X, level=0.25))
    lost = noisy == 0
    np.testing.assert_allclose(lost.mean(axis=(1, 2, 3)), np.full(4, 0.25), atol=0.02)
    np.testing.assert_array_equal(noisy[~lost], np.asarray(X)[~lost])


def test_gaussian_noise_has_the_given_spread():
    noise = np.asarray(gaussian_noise(KEYS, X, level=0.5) - X)
    np.testing.assert_allclose(noise.std(axis=(1, 2, 3)), np.full(4, 0.5), rtol=0.03)
    np.testing.assert_allclose(noise.mean(axis=(1, 2, 3)), np.zeros(4), atol=0.03)


@pytest.mark.parametrize("corrupt", [masking_noise, gaussian_noise])
def test_an_example_is_corrupted_by_its_own_key(corrupt):
    whole = corrupt(KEYS, X, level=0.5)
    np.testing.assert_array_equal(corrupt(KEYS[2:], X[2:], level=0.5), whole[2:])
    changed = np.asarray(whole != X)
    assert (changed[0] != changed[1]).any() or (whole[0] - X[0] != whole[1] - X[1]).any()


def test_levels_out_of_range_are_refused():
    with pytest.raises(ValueError, match="level must be at least 0 and below 1, got 1.0"):
        masking_noise(KEYS, X, level=1.0)
    with pytest.raises(ValueError, match="level must be at least 0, got -0.1"):
        gaussian_noise(KEYS, X, level=-0.1)
    with pytest.raises(ValueError, match=r"got \[4\] and \[3, 8\]"):
        masking_noise(KEYS, jnp.zeros((3, 8)), level=0.1)
