"""The convolution of residual networks."""

import jax.numpy as jnp
from flax import linen as nn

Sides = int | tuple[int, ...]


def convolution(
    features: int, kernel: Sides, stride: Sides, *, dtype: jnp.dtype, name: str, rank: int = 2
) -> nn.Conv:
    """Return a convolution without bias, padded and initialised as torchvision's.

    Args:
      features: output channels.
      kernel: its odd side in all directions, or its sides.
      stride: likewise.
      dtype: of the products.
      name: of the module.
      rank: number of directions: 2 for images, 3 for videos.
    """
    sides = (kernel,) * rank if isinstance(kernel, int) else kernel
    return nn.Conv(
        features,
        sides,
        strides=stride,
        padding=tuple((side // 2, side // 2) for side in sides),
        use_bias=False,
        dtype=dtype,
        kernel_init=nn.initializers.variance_scaling(2.0, "fan_out", "normal"),
        name=name,
    )
