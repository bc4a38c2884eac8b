"""A grouped convolution that is right on every mesh, and sends nothing but its gradient."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from einops import rearrange

from ssljax.ops.placement import on_own_examples


def grouped_convolution(
    x: jax.Array, kernel: jax.Array, *_: Any, feature_group_count: int, **__: Any
) -> jax.Array:
    """Convolve x[B, S1, ..., Sn, C], stride 1, padding "SAME", in groups of channels, to E of them.

    What `flax.linen.Conv` takes as `conv_general_dilated`. The gradient of the kernel is a sum of
    products, one for each of its cells, because XLA's partitioner gets that of its own grouped
    convolution wrong: where batches are split and a mesh axis does not take part, it comes out
    times the size of that axis (jaxlib 0.10.2; the test of all objectives on meshes found it). It
    also gathers the batch on every device before one, but for TPUs: here each device convolves its
    own examples.

    Args:
      x: float[B, S1, ..., Sn, C].
      kernel: float[k1, ..., kn, C / groups, E], of the same dtype.
      *_: stride and padding, see above.
      feature_group_count: the number of groups, which divides C and E.
      **__: further options of a convolution, at their defaults.
    """
    return _convolve(x, kernel, feature_group_count)


def _plain(x: jax.Array, kernel: jax.Array, groups: int) -> jax.Array:
    axes = "HWD"[: x.ndim - 2]
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        (1,) * len(axes),
        "SAME",
        dimension_numbers=(f"N{axes}C", f"{axes}IO", f"N{axes}C"),
        feature_group_count=groups,
    )


def _divided(x: jax.Array, kernel: jax.Array, groups: int) -> jax.Array:
    return on_own_examples(lambda kernel, x: _plain(x, kernel, groups), 1)(kernel, x)


_convolve = jax.custom_vjp(_divided, nondiff_argnums=(2,))


def _forward(x, kernel, groups):
    return _divided(x, kernel, groups), (x, kernel)


def _backward(groups, saved, dy):
    x, kernel = saved

    def backwards(kernel, dy):
        shape = jax.ShapeDtypeStruct((len(dy), *x.shape[1:]), x.dtype)
        return jax.linear_transpose(lambda x: _plain(x, kernel, groups), shape)(dy)[0]

    dx = on_own_examples(backwards, 1)(kernel, dy)
    axes = "hwd"[: x.ndim - 2]
    sides, size = kernel.shape[:-2], x.shape[1:-1]
    border = [(0, 0), *(((side - 1) // 2, side // 2) for side in sides), (0, 0)]
    padded = rearrange(jnp.pad(x, border), "b ... (g c) -> b ... g c", g=groups)
    by_group = rearrange(dy, "b ... (g e) -> b ... g e", g=groups)

    def cell(*first):
        window = (slice(i, i + length) for i, length in zip(first, size, strict=True))
        seen = padded[:, *window]
        products = jnp.einsum(
            f"b{axes}gc,b{axes}ge->cge", seen, by_group, preferred_element_type=jnp.float32
        )
        return rearrange(products, "c g e -> c (g e)")

    dkernel = jnp.stack([cell(*first) for first in np.ndindex(sides)]).reshape(kernel.shape)
    return dx, dkernel.astype(kernel.dtype)


_convolve.defvjp(_forward, _backward)
