"""Numerically safe scaling of vectors: to unit length, or to mean 0 and variance 1."""

import jax
import jax.numpy as jnp


def at_least_float32(x: jax.Array) -> jax.Array:
    """Convert half precision to float32, in which losses and statistics are accumulated.

    >>> at_least_float32(jnp.ones(2, jnp.bfloat16)).dtype
    dtype('float32')
    """
    x = jnp.asarray(x)
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def l2_normalize(x: jax.Array, *, axis: int = -1, epsilon: float = 1e-6) -> jax.Array:
    """Scale vectors to unit length: x / max(|x|, epsilon).

    Neither the value nor the gradient overflows, whatever the length: a zero vector stays zero, and
    its gradient is that of x / epsilon. The default epsilon is the one of SimCLR's and BYOL's code,
    which bound the squared length by 1e-12.

    Args:
      x: vectors along `axis`, of any float dtype.
      axis: the axis of the components.
      epsilon: the length below which vectors are not scaled to length 1.

    Returns:
      An array like x, at least float32.

    >>> print(l2_normalize(jnp.array([[3.0, 4.0], [3e30, 4e30], [0.0, 0.0]])).round(3))
    [[0.6 0.8]
     [0.6 0.8]
     [0.  0. ]]
    """
    x = at_least_float32(x)
    # Dividing by the largest component first keeps the squares in range. A unit vector does not
    # depend on the scale of x, so the gradient stays exact with this divisor as a constant.
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(x), axis=axis, keepdims=True))
    x = x / jnp.maximum(largest, epsilon)
    squared = jnp.sum(jnp.square(x), axis=axis, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(squared, 1.0))


def standardize(
    x: jax.Array, *, axis: int = -1, epsilon: float = 1e-5, where: jax.Array | None = None
) -> jax.Array:
    """Shift and scale vectors to mean 0 and variance 1: (x - mean) / sqrt(variance + epsilon).

    The variance is the biased one. Along the components of tokens [B, N, D] this is a LayerNorm
    without parameters; along the tokens, axis 1, an InstanceNorm. The default epsilon is PyTorch's.

    Args:
      x: vectors along `axis`, of any float dtype.
      axis: the axis of the components.
      epsilon: added to the variance.
      where: bool, of a shape that fits x: the components that count; None for all. The others come
        back as 0.

    Returns:
      An array like x, at least float32.

    >>> print(standardize(jnp.array([[1.0, 3.0], [5.0, 5.0]])).round(3))
    [[-1.  1.]
     [ 0.  0.]]
    """
    x = at_least_float32(x)
    if where is not None:
        count = jnp.maximum(jnp.sum(where, axis=axis, keepdims=True), 1)
        mean = jnp.sum(jnp.where(where, x, 0), axis=axis, keepdims=True) / count
        centred = jnp.where(where, x - mean, 0)
        variance = jnp.sum(jnp.square(centred), axis=axis, keepdims=True) / count
        return centred * jax.lax.rsqrt(variance + epsilon)
    centred = x - jnp.mean(x, axis=axis, keepdims=True)
    variance = jnp.mean(jnp.square(centred), axis=axis, keepdims=True)
    return centred * jax.lax.rsqrt(variance + epsilon)
