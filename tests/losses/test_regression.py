import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.losses import mse


def test_mse_by_hand():
    target = jnp.array([[[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 2.0]]])
    np.testing.assert_allclose(mse(jnp.zeros((2, 2, 2)), target), [30 / 4, 1.0])


@pytest.mark.parametrize("noise", [0.5, 1.0])
def test_the_best_linear_denoiser(noise):
    """x ~ N(0, 1) seen as x + noise: the best is x / (1 + noise^2), with s^2 / (1 + s^2) left."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, 200_000)).astype(np.float32)
    seen = x + noise * rng.normal(size=x.shape).astype(np.float32)
    optimum = noise**2 / (1 + noise**2)
    slopes = np.linspace(0, 1, 101)
    losses = [float(mse(jnp.asarray(slope * seen), jnp.asarray(x))[0]) for slope in slopes]
    assert min(losses) == pytest.approx(optimum, rel=0.01)
    assert slopes[np.argmin(losses)] == pytest.approx(1 / (1 + noise**2), abs=0.02)
