"""Batch normalisation over the global batch, or over groups of it."""

import jax
import jax.numpy as jnp
from einops import rearrange, reduce
from flax import linen as nn


class BatchNorm(nn.Module):
    """y = scale (x - mean) / sqrt(var + epsilon) + bias, over the global batch, per channel.

    Inside one jitted function on sharded arrays "the batch" is the whole batch: no axis name is
    needed, and one device and many give the same values. Statistics are float32 for any input
    dtype. The running ones follow r <- momentum r + (1 - momentum) s with the unbiased s = n/(n-1)
    var, as in PyTorch (whose `momentum` is one minus this one); normalisation itself uses the
    biased variance.

    Mean and variance come from one pass over x. To keep E[d^2] - E[d]^2 sound, d is the distance to
    the mean of the first example, not to zero: of B examples, none lies further than sqrt(B)
    standard deviations from the mean of all, so that rounding can grow by a factor of B at most,
    however far x is from zero.

    Args (fields):
      momentum: share of the running statistics that a step keeps.
      epsilon: added to the variance.
      groups: statistics are those of this many equal, contiguous parts of the batch, each
        normalised by its own, as happens in the official MoCo, where each device has its own part;
        the running ones follow the mean over the groups (official MoCo: those of device 0).
      use_scale, use_bias: whether the affine parameters exist.
      scale_init: initial value of scale; zeros make a residual branch start at nothing.

    Ioffe and Szegedy 2015, arXiv:1502.03167.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    groups: int = 1
    use_scale: bool = True
    use_bias: bool = True
    scale_init: jax.nn.initializers.Initializer = nn.initializers.ones

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool, present: jax.Array | None = None) -> jax.Array:
        """Normalise x[B, ..., C]; in training, also update the running statistics.

        `present`, bool[B], says which examples statistics are of; without any, of all, and the
        running ones stay.
        """
        channels = x.shape[-1:]
        mean = self.variable("batch_stats", "mean", jnp.zeros, channels, jnp.float32)
        var = self.variable("batch_stats", "var", jnp.ones, channels, jnp.float32)
        scale = self.param("scale", self.scale_init, channels) if self.use_scale else 1.0
        bias = self.param("bias", nn.initializers.zeros, channels) if self.use_bias else 0.0
        if not train:
            y = x.astype(jnp.float32) - mean.value
            return (y * (jax.lax.rsqrt(var.value + self.epsilon) * scale) + bias).astype(x.dtype)

        if self.groups < 1 or x.shape[0] % self.groups:
            raise ValueError(
                f"encoder.bn_groups={self.groups} must divide the batch of {x.shape[0]} examples"
            )
        centred = rearrange(x.astype(jnp.float32), "(g b) ... c -> g b ... c", g=self.groups)
        within = tuple(range(1, centred.ndim - 1))
        # Whatever is subtracted, the statistics are the same, and so is their gradient.
        first = jax.lax.stop_gradient(jnp.mean(centred[:, :1], within, keepdims=True))
        centred = centred - first
        where, size, take = None, centred[0, ..., 0].size, 1 - self.momentum
        if present is not None:
            if self.groups > 1:
                raise ValueError("statistics of a part of the batch are those of one group")
            counted = present | ~jnp.any(present)
            where = counted.reshape(1, -1, *(1,) * (centred.ndim - 2))
            size = jnp.sum(counted) * (size // len(x))
            take = take * jnp.any(present)
        offset = jnp.mean(centred, within, keepdims=True, where=where)
        # Rounding can leave a variance of nearly nothing below zero.
        squares = jnp.mean(centred**2, within, keepdims=True, where=where)
        spread = jnp.maximum(squares - offset**2, 0.0)
        if not self.is_initializing():
            keep = self.momentum if present is None else 1 - take
            least = max if present is None else jnp.maximum
            batch_var = reduce(spread, "g ... c -> c", "mean") * (size / least(size - 1, 1))
            batch_mean = reduce(first + offset, "g ... c -> c", "mean")
            mean.value = keep * mean.value + take * batch_mean
            var.value = keep * var.value + take * batch_var
        y = (centred - offset) * (jax.lax.rsqrt(spread + self.epsilon) * scale) + bias
        return rearrange(y, "g b ... c -> (g b) ... c").astype(x.dtype)
