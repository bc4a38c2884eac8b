"""The gradient of a convolution's kernel by patches is XLA's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.models.convolution import convolve_with_patches


def _plain(x, kernel, stride):
    pad = kernel.shape[0] // 2
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), [(pad, pad)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


@pytest.mark.parametrize("batch", [7, 32])
@pytest.mark.parametrize("kernel, stride", [(1, 1), (1, 2), (3, 1), (3, 2), (7, 2)])
def test_value_and_gradients_are_those_of_xla(batch, kernel, stride):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, 7, 8, 3)).astype(np.float32)
    w = rng.normal(size=(kernel, kernel, 3, 5)).astype(np.float32)

    def loss(convolve, x, w):
        return jnp.sum(jnp.sin(convolve(x, w, stride)))

    value, gradients = jax.value_and_grad(loss, (1, 2))(convolve_with_patches, x, w)
    expected, wanted = jax.value_and_grad(loss, (1, 2))(_plain, x, w)
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-4)
    for one, other in zip(gradients, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
