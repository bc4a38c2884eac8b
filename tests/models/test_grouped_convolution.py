"""Against XLA's grouped convolution on one device, whose gradient is right there."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from ssljax.models.grouped_convolution import grouped_convolution

X = jax.random.normal(jax.random.key(0), (8, 5, 6, 8))
KERNEL = jax.random.normal(jax.random.key(1), (3, 2, 4, 6))
GROUPED = functools.partial(grouped_convolution, feature_group_count=2)


def _gradients(convolution, **options):
    return jax.jit(jax.grad(lambda x, k: jnp.sum(jnp.sin(convolution(x, k))), (0, 1)), **options)


@pytest.mark.parametrize("sizes", [(1, 1), (8, 1), (2, 4)], ids=str)
def test_value_and_gradient_on_meshes_with_an_axis_that_does_not_take_part(sizes):
    def by_xla(x, kernel):
        return jax.lax.conv_general_dilated(
            x,
            kernel,
            (1, 1),
            "SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=2,
        )

    mesh = jax.make_mesh(
        sizes,
        ("data", "idle"),
        axis_types=(AxisType.Auto,) * 2,
        devices=jax.devices()[: sizes[0] * sizes[1]],
    )
    batch = NamedSharding(mesh, PartitionSpec("data"))
    whole = NamedSharding(mesh, PartitionSpec())
    x, kernel = jax.device_put(X, batch), jax.device_put(KERNEL, whole)
    np.testing.assert_allclose(jax.jit(GROUPED)(x, kernel), by_xla(X, KERNEL), atol=1e-5)
    found = _gradients(GROUPED, out_shardings=(batch, whole))(x, kernel)
    for one, other in zip(found, _gradients(by_xla)(X, KERNEL), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-4)


def test_the_gradient_of_bfloat16_is_bfloat16():
    found = _gradients(GROUPED)(X.astype(jnp.bfloat16), KERNEL.astype(jnp.bfloat16))
    assert {leaf.dtype for leaf in found} == {jnp.dtype("bfloat16")}
