"""Where a frame is, told by what is around it: the positions of wav2vec 2.0."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from ssljax.models.grouped_convolution import grouped_convolution
from ssljax.models.initializers import bias_initializer, kernel_initializer
from ssljax.models.transformer import gelu
from ssljax.ops.normalize import standardize


class PositionConvolution(nn.Module):
    """Grouped convolutions over time, to be added to the tokens.

    One layer is gelu(w * x + b), with weight normalisation: of the kernel v[k, C / groups, C] each
    tap is w_t = g_t v_t / |v_t|, and g starts as |v_t| (wav2vec 2.0). Several layers have plain
    kernels, and a LayerNorm without parameters before the GELU (data2vec). An even kernel sees one
    token more of the past than of the future, as in the official code.

    Args (fields):
      kernel: tokens that a layer sees.
      groups: of the channels; they divide the width.
      layers: number of them.
      dtype: compute dtype.

    Baevski et al. 2020, arXiv:2006.11477; facebookresearch/fairseq,
    fairseq/models/wav2vec/wav2vec2.py (make_conv_pos, TransformerEncoder).
    """

    kernel: int
    groups: int
    layers: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Return positions of tokens x[B, N, D], of the same shape."""
        for i in range(self.layers):
            y = _Layer(self.kernel, self.groups, self.layers == 1, self.dtype, name=f"conv_{i}")(x)
            x = gelu(y if self.layers == 1 else standardize(y).astype(self.dtype))
        return x


class _Layer(nn.Module):
    """A grouped convolution; `normed`: with weight normalisation."""

    kernel: int
    groups: int
    normed: bool
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        width = x.shape[-1]
        shape = (self.kernel, width // self.groups, width)
        if self.normed:
            start = nn.initializers.normal((4 / (self.kernel * width)) ** 0.5)
            bias_init = nn.initializers.zeros
        else:
            start = kernel_initializer("torch")
            bias_init = bias_initializer("torch", self.kernel * width // self.groups)
        kernel = self.param("kernel", start, shape)
        bias = self.param("bias", bias_init, (width,))
        if self.normed:
            length = jnp.sqrt(jnp.sum(jnp.square(kernel), axis=(1, 2)))
            scale = self.param("scale", lambda _: length)
            kernel = kernel * (scale / length)[:, None, None]
        later = 1 - self.kernel % 2  # "SAME" would see one token more of the future
        padded = jnp.pad(x, ((0, 0), (later, 0), (0, 0))).astype(self.dtype)
        y = grouped_convolution(padded, kernel.astype(self.dtype), feature_group_count=self.groups)
        return y[:, : x.shape[1]] + bias.astype(self.dtype)
