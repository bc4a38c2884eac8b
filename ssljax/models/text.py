"""Transformers of text."""

from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
from flax import linen as nn

from ssljax.errors import UserError
from ssljax.models.encoder import Encoder, Grid, within
from ssljax.models.stems import TokenEmbed
from ssljax.schema import Count, CountOrNone, Decay


class TextTransformer(Encoder):
    """One vector for each id of a vocabulary (BERT, GPT-2).

    | model | fields beyond width, depth, heads and length |
    |---|---|
    | BERT | norm_first=False, embedding_norm=True, token_types=2, pool="first" |
    | RoBERTa | as BERT with token_types=1, position_offset=2 |
    | ALBERT | as BERT with embed_width=128, shared_layers=True, activation="gelu_tanh" |
    | ELECTRA | as BERT with embed_width |
    | GPT-2 | causal=True, activation="gelu_tanh", kernel_init="normal_by_whole_depth" |

    Args (fields):
      length: ids that learned positions are made for; shorter texts take the first of them.
      causal: whether a token sees only itself and those before it.
      padding: "seen": tokens see it, and it counts as text where tokens are pooled, as in SigLIP;
        its ids are then those of the token "pad", or 0.
      embed_width: size of the vectors of ids, positions and types, which a linear map brings to
        `width` (ALBERT, ELECTRA); 0 for `width`.
      token_types: number of types, each with a vector that is added to its tokens; 0 for none. The
        type of a token, where the caller does not say it, is the number of end tokens ("sep") of
        its text before it: 0 in a first sentence, 1 in a second.
      token_dropout: above 0, the vectors of mask tokens are 0, and those of the other tokens of a
        text are multiplied by (1 - token_dropout) / (1 - r), where r is the share of mask tokens in
        it. token_dropout is r in training, so that texts without mask tokens are of the same size.
        0.12, 15% of 80%, in ESM-1b and ESM-2 (facebookresearch/esm, esm/model/esm1.py, lines 125 to
        131). It needs a mask token.
      position_offset: learned positions before that of the first token, which no token has; in
        RoBERTa's tables 2, where `length` does not count them.
      vocab: number of ids; from the data.
      special: ids of special tokens by role, see `ssljax.spec.Field`; from the data.
      pool: "first" and "last" besides: features are the first of the text's tokens (BERT's [CLS]),
        or the last that is not padding, which ends the text. A causal encoder has seen all of it
        there (CLIP).
      The others are those of `Encoder`.

    Devlin et al. 2018, arXiv:1810.04805; google-research/bert, modeling.py.
    """

    length: Count = 512
    causal: bool = False
    padding: Literal["hidden", "seen"] = "hidden"
    embed_width: CountOrNone = 0
    token_types: CountOrNone = 0
    token_dropout: Decay = 0.0
    position_offset: CountOrNone = 0
    vocab: int = 0
    special: tuple[tuple[str, int], ...] = ()
    class_token: bool = False
    pool: Literal["cls", "mean", "first", "last"] = "mean"

    modality: ClassVar[str] = "text"
    stretched: ClassVar[tuple[bool, ...]] = (False,)
    given: ClassVar[tuple[str, ...]] = ("vocab", "special")

    @nn.nowrap
    def check_fields(self) -> None:
        """Raise a UserError for fields that do not fit each other."""
        super().check_fields()
        if (self.class_token or self.registers) and (self.embed_width or self.pool == "first"):
            raise UserError(
                f"encoder.class_token={self.class_token} and encoder.registers={self.registers} "
                "add tokens before those of the text; with encoder.embed_width or "
                "encoder.pool='first' there must be none"
            )
        if self.pool == "first" and self.causal:
            raise UserError(
                "encoder.pool='first' needs encoder.causal=False: the first token sees nothing "
                "else; set encoder.pool='last' or 'mean'"
            )

    @property
    def embedded_width(self) -> int:
        """The size of a token before the trunk."""
        return self.embed_width or self.width

    def grid(self, shape: tuple[int, ...]) -> Grid:
        """Return the number of ids."""
        if len(shape) != 1 or not self.vocab:
            raise UserError(
                f"a text transformer takes ids [N] of a vocabulary, got {list(shape)} and a "
                f"vocabulary of {self.vocab}"
            )
        return shape

    def trained_grid(self, grid: Grid) -> Grid:
        """Return `length`."""
        return (self.length,)

    def stem(self, x, dtype, init):
        """Return the tokens of ids in their order."""
        return TokenEmbed(self.vocab, self.embedded_width, dtype, name="token_embed")(x)

    def _encode(self, x, keep, masked, mask_token, segments, types, **asked):
        if self.padding == "seen" and segments is not None:
            x = jnp.where(segments > 0, x, dict(self.special).get("pad", 0))
        return super()._encode(x, keep, masked, mask_token, segments, types, **asked)

    def _segments(self, segments, grid):
        return None if self.padding == "seen" else super()._segments(segments, grid)

    def rescaled(self, tokens, x, segments):
        """Return the tokens with those of mask tokens 0, the others scaled; see `token_dropout`."""
        if not self.token_dropout:
            return tokens
        mask = dict(self.special).get("mask")
        if mask is None:
            raise UserError(
                f"encoder.token_dropout={self.token_dropout} needs a mask token, and "
                "config.data.tokenizer gives none"
            )
        hidden = x == mask
        if segments is None:
            segments = jnp.ones_like(x)
        scale = (1 - self.token_dropout) / (1 - share_of_text(hidden, segments))
        return jnp.where(hidden, 0, scale)[:, :, None].astype(tokens.dtype) * tokens

    def types(self, x, segments, given):
        """Return the vectors of the tokens' types."""
        if not self.token_types:
            return None
        shape = self.token_types, self.embedded_width
        rows = self.param("type_embed", nn.initializers.normal(0.02), shape)
        if given is None:
            given = self.types_of(x, segments)
        return jnp.take(rows, jnp.clip(given, 0, self.token_types - 1), axis=0)

    @nn.nowrap
    def types_of(self, x: jax.Array, segments: jax.Array | None) -> jax.Array:
        """Return int32[B, N], how many end tokens of its text come before each token."""
        end = dict(self.special).get("sep")
        if end is None or self.token_types == 1:
            return jnp.zeros(x.shape, jnp.int32)
        ends = (x == end).astype(jnp.int32)
        before = jnp.cumsum(ends, axis=1) - ends
        if segments is None:
            return before
        first = jnp.arange(x.shape[1]) - within(segments)
        return before - jnp.take_along_axis(before, first, axis=1)


def share_of_text(marked: jax.Array, segments: jax.Array) -> jax.Array:
    """Return for each token the share of the tokens of its text that are marked, [B, N]; below 1.

    Args:
      marked: bool[B, N].
      segments: int32[B, N], 1, 2, ... for the texts of a row, 0 for padding, which is no text.

    >>> segments = jnp.array([[1, 1, 1, 1, 2, 2, 0]])
    >>> marked = jnp.array([[0, 1, 0, 0, 0, 1, 1]], bool)
    >>> share_of_text(marked, segments).tolist()
    [[0.25, 0.25, 0.25, 0.25, 0.5, 0.5, 0.0]]
    """

    def of_row(marked, segments):
        there = segments > 0
        totals = [
            jax.ops.segment_sum((one & there).astype(jnp.float32), segments, len(segments) + 1)
            for one in (marked, there)
        ]
        return (totals[0] / jnp.maximum(totals[1], 1))[segments]

    return jnp.minimum(jax.vmap(of_row)(marked, segments), 1 - 1e-3)
