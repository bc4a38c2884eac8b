"""M3AE's decoder: patches of an image and words of its text, from those of both that were seen."""

import math

import jax
import jax.numpy as jnp
from flax import linen as nn

from ssljax.models.base import Encoded, compute_dtype
from ssljax.models.decoders import restored
from ssljax.models.positions import sincos
from ssljax.models.text_heads import WordScores
from ssljax.models.transformer import Transformer, linear
from ssljax.ops.masking import Mask


class PairDecoder(nn.Module):
    """Mask tokens for what is hidden of both inputs, positions, one small transformer for all, and
    a linear map for each input.

    An input has a mask token and a vector of its own. The encoder's pooled vector goes in front as
    one more token and is dropped at the end; with `pool="cls"` that is the official model.

    Args (fields):
      grid: patches along each axis of the whole image.
      out: values per patch.
      vocab: number of ids.
      width, depth, heads: of the transformer.
      mlp_ratio, activation, norm_epsilon, attention, scan, remat: see `Transformer`.
      dtype: "float32" or "bfloat16"; the values of patches are float32.

    Geng et al. 2022, arXiv:2205.14204; young-geng/m3ae_public, m3ae/model.py (forward_decoder).
    """

    grid: tuple[int, ...]
    out: int
    vocab: int
    width: int = 512
    depth: int = 8
    heads: int = 16
    mlp_ratio: float = 4.0
    activation: str = "gelu"
    norm_epsilon: float = 1e-6
    attention: str = "auto"
    scan: bool = True
    remat: str = "none"
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, encoded: Encoded, patches: Mask, words: Mask, segments: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
        """Predict every patch and every word.

        Args:
          encoded: of the visible patches, followed by the visible words: pooled [B, D], tokens
            [B, K, D].
          patches: which of the N patches are visible.
          words: which of the M words are.
          segments: int32[B, N + M], 0 for padding and for an input that is not there, which the
            others do not see.

        Returns:
          The values of patches, float32[B, N, out], row-major; the features of words, [B, M,
          width]; and the vectors, float32[vocab, width], and biases, float32[vocab], of ids, which
          give their scores.
        """
        dtype = compute_dtype(self.dtype)
        count, length = patches.restore.shape[1], words.restore.shape[1]
        if count != math.prod(self.grid):
            raise ValueError(f"the mask is of {count} patches, and the grid is {self.grid}")
        seen = jnp.concatenate([encoded.pooled[:, None].astype(dtype), encoded.tokens], axis=1)
        pooled, *visible = jnp.split(
            linear(self.width, dtype, "embed")(seen), (1, 1 + patches.keep.shape[1]), axis=1
        )
        start = nn.initializers.normal(0.02)
        mask_tokens = self.param("mask_token", start, (2, self.width)).astype(dtype)
        kinds = self.param("input_embed", start, (2, self.width))
        parts = [pooled]
        for i, (grid, mask) in enumerate(((self.grid, patches), ((length,), words))):
            every = restored(visible[i], mask_tokens[i], mask.restore)
            parts.append(every + (jnp.asarray(sincos(grid, self.width)) + kinds[i]).astype(dtype))
        tokens = Transformer(
            depth=self.depth,
            heads=self.heads,
            mlp_ratio=self.mlp_ratio,
            activation=self.activation,
            norm_epsilon=self.norm_epsilon,
            attention=self.attention,
            scan=self.scan,
            remat=self.remat,
            dtype=dtype,
            name="trunk",
        )(
            jnp.concatenate(parts, axis=1),
            train=False,
            segments=jnp.pad(segments, ((0, 0), (1, 0)), constant_values=1),
        )
        _, image, text = jnp.split(tokens, (1, 1 + count), axis=1)
        values = linear(self.out, dtype, "image_output")(image).astype(jnp.float32)
        return values, text, *WordScores(self.width, self.vocab, name="word_output")()
