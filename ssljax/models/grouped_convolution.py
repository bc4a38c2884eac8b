"""A grouped convolution whose gradient is right on every mesh."""

from typing import Any

import jax
import jax.numpy as jnp
from einops import rearrange


def grouped_convolution(
    x: jax.Array, kernel: jax.Array, *_: Any, feature_group_count: int, **__: Any
) -> jax.Array:
    """Convolve x[B, H, W, C], stride 1 and padding "SAME", in groups of channels: [B, H, W, E].

    What `flax.linen.Conv` takes as `conv_general_dilated`. The gradient of the kernel is a sum of
    products, one for each of its cells, because XLA's partitioner gets that of its own grouped
    convolution wrong: where batches are split and a mesh axis does not take part, it comes out
    times the size of that axis (jaxlib 0.10.2; the test of all objectives on meshes found it).

    Args:
      x: float[B, H, W, C].
      kernel: float[h, w, C / groups, E], of the same dtype.
      *_: stride and padding, see above.
      feature_group_count: the number of groups, which divides C and E.
      **__: further options of a convolution, at their defaults.
    """
    return _convolve(x, kernel, feature_group_count)


def _plain(x: jax.Array, kernel: jax.Array, groups: int) -> jax.Array:
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        (1, 1),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


_convolve = jax.custom_vjp(_plain, nondiff_argnums=(2,))


def _forward(x, kernel, groups):
    return _plain(x, kernel, groups), (x, kernel)


def _backward(groups, saved, dy):
    x, kernel = saved
    (dx,) = jax.linear_transpose(lambda x: _plain(x, kernel, groups), x)(dy)
    rows, columns = kernel.shape[:2]
    border = [(0, 0), ((rows - 1) // 2, rows // 2), ((columns - 1) // 2, columns // 2), (0, 0)]
    padded = rearrange(jnp.pad(x, border), "b h w (g c) -> b h w g c", g=groups)
    by_group = rearrange(dy, "b h w (g e) -> b h w g e", g=groups)

    def cell(row, column):
        seen = padded[:, row : row + x.shape[1], column : column + x.shape[2]]
        products = jnp.einsum(
            "bhwgc,bhwge->cge", seen, by_group, preferred_element_type=jnp.float32
        )
        return rearrange(products, "c g e -> c (g e)")

    dkernel = jnp.stack([jnp.stack([cell(i, j) for j in range(columns)]) for i in range(rows)])
    return dx, dkernel.astype(kernel.dtype)


_convolve.defvjp(_forward, _backward)
