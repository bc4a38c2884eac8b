"""The product quantizer of wav2vec 2.0: a code of each group, chosen with Gumbel noise."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from einops import rearrange
from flax import linen as nn

from ssljax.models.base import compute_dtype
from ssljax.ops.quantization import straight_through


class Quantized(NamedTuple):
    """What a product quantizer gives.

    Attributes:
      vectors: float32[B, N, width], the chosen code vectors of all groups, side by side.
      codes: int32[B, N, groups], which they are.
      logits: float32[B, N, groups, codes].
    """

    vectors: jax.Array
    codes: jax.Array
    logits: jax.Array


class GumbelQuantizer(nn.Module):
    """Choose one of the codes of each group by argmax_v (l_gv + n_gv), l linear in the input.

    The gradient is that of softmax((l + n) / temperature), straight through (Jang et al. 2016,
    arXiv:1611.01144).

    Args (fields):
      groups: number of groups, which divides the width.
      codes: of each group.
      width: of the vectors, over all groups.
      dropout: of the inputs.
      dtype: "float32" or "bfloat16" for the products; results are float32.

    Baevski et al. 2020, arXiv:2006.11477; facebookresearch/fairseq,
    fairseq/modules/gumbel_vector_quantizer.py.
    """

    groups: int
    codes: int
    width: int
    dropout: float = 0.0
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        *,
        train: bool,
        noise: jax.Array | None = None,
        temperature: float | jax.Array = 1.0,
    ) -> Quantized:
        """Quantize x[B, N, C].

        Args:
          x: vectors.
          train: whether dropout acts.
          noise: float[B, N, groups, codes], of Gumbel's distribution; None for none, and then there
            is no gradient to the logits.
          temperature: a positive number.
        """
        if self.dropout and train:
            x = nn.Dropout(self.dropout, deterministic=False)(x)
        linear = nn.Dense(
            self.groups * self.codes,
            dtype=compute_dtype(self.dtype),
            kernel_init=nn.initializers.normal(1.0),
            name="linear",
        )
        logits = rearrange(linear(x), "b n (g v) -> b n g v", g=self.groups).astype(jnp.float32)
        scores = logits if noise is None else logits + noise
        codes = jnp.argmax(scores, axis=-1)
        weights = jax.nn.one_hot(codes, self.codes)
        if noise is not None:
            weights = straight_through(jax.nn.softmax(scores / temperature), weights)
        shape = (self.groups * self.codes, self.width // self.groups)
        book = self.param("codebook", nn.initializers.uniform(1.0), shape)
        book = rearrange(book, "(g v) d -> g v d", g=self.groups)
        vectors = jnp.einsum("bngv,gvd->bngd", weights, book, precision="highest")
        vectors = rearrange(vectors, "b n g d -> b n (g d)")
        return Quantized(vectors, codes.astype(jnp.int32), logits)
