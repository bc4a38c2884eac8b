"""The convolution of residual networks."""

import jax.numpy as jnp
from flax import linen as nn


def convolution(features: int, kernel: int, stride: int, *, dtype: jnp.dtype, name: str) -> nn.Conv:
    """Return a square convolution without bias, padded and initialised as torchvision's.

    Args:
      features: output channels.
      kernel: its odd side.
      stride: in both directions.
      dtype: of the products.
      name: of the module.
    """
    return nn.Conv(
        features,
        (kernel, kernel),
        strides=stride,
        padding=kernel // 2,
        use_bias=False,
        dtype=dtype,
        kernel_init=nn.initializers.variance_scaling(2.0, "fan_out", "normal"),
        name=name,
    )
