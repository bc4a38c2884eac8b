"""What objectives that hide words share: which may be hidden, the head, the loss."""

import dataclasses

import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import masked_lm
from ssljax.models import TextTransformer, WordHead
from ssljax.objectives.base import Array, Objective
from ssljax.objectives.masked.patches import mean_over
from ssljax.objectives.net import Net
from ssljax.ops.keys import per_example
from ssljax.ops.token_masking import MaskedTokens, at_places, mask_tokens
from ssljax.schema import OpenShare, Share, Size


def vocabulary(net: Net) -> Array:
    """Return the vectors of all ids [V, D], as the encoder embeds them."""
    return net.params["encoder"]["token_embed"]["embedding"]


def require_text(objective: Objective, *, causal: bool) -> None:
    """Raise a UserError unless the encoder is a transformer of text that fits an objective."""
    name, encoder = type(objective).__name__.lower(), objective.run.encoder
    if not isinstance(encoder, TextTransformer):
        raise UserError(
            f"{name} takes a transformer of text: config.encoder must be "
            "{'name': 'text_transformer'}"
        )
    if encoder.causal != causal:
        reason = "sees no later words" if causal else "sees the words on both sides"
        raise UserError(f"{name} needs an encoder that {reason}: set encoder.causal={causal}")


@dataclasses.dataclass(frozen=True)
class MaskedWords(Objective):
    """Predicts hidden words; abstract.

    Args (fields):
      mask_ratio: share of the words of a text that are predicted; special tokens are none.
      masked_share, random_share: shares of these that the mask token replaces, and a word drawn
        from the whole vocabulary; the others stay as they are.
      logits_block: see `ssljax.losses.masked_lm`.
    """

    mask_ratio: OpenShare = 0.15
    masked_share: Share = 0.8
    random_share: Share = 0.1
    logits_block: Size = 0

    reads = ("text",)
    takes_ragged = True

    def check(self):
        require_text(self, causal=False)
        self.run.field.special_id("mask")
        if self.masked_share + self.random_share > 1:
            raise UserError(
                f"objective.masked_share={self.masked_share} and objective.random_share="
                f"{self.random_share} are shares of the same words; their sum must be at most 1"
            )

    def word_head(self, encoder):
        """Return the head that predicts words from tokens of an encoder."""
        return WordHead(
            width=encoder.embedded_width,
            vocab=encoder.vocab,
            activation=encoder.activation,
            norm_epsilon=encoder.norm_epsilon,
            dtype=self.run.dtype,
        )

    def hidden(self, key, ids, segments, rows) -> MaskedTokens:
        """Return texts with words hidden: fresh for every (seed, step, row)."""
        special = dict(self.run.field.special)
        where = segments > 0
        for role in ("pad", "cls", "sep"):
            where &= ids != special.get(role, -1)
        return mask_tokens(
            per_example(key, rows),
            ids,
            where=where,
            ratio=self.mask_ratio,
            mask_id=special["mask"],
            vocab=self.run.field.vocab,
            masked=self.masked_share,
            random=self.random_share,
        )

    def word_loss(self, net, tokens, ids, made) -> tuple[Array, Array]:
        """Return the mean over the hidden words of a batch, and their number.

        Args:
          net: with the head "words".
          tokens: [B, N, D], of the texts with hidden words.
          ids: int32[B, N], of the texts themselves.
          made: what is hidden.
        """
        features, bias = net.words(at_places(tokens, made.places))
        options = {"where": made.chosen, "bias": bias, "block": self.logits_block}
        true = at_places(ids, made.places)
        return mean_over(masked_lm(features, vocabulary(net), true, **options), made.chosen)

    def _types(self, ids, segments):
        """Return the types of tokens, which hidden words must not change; None without types."""
        encoder = self.run.encoder
        return encoder.types_of(ids, segments) if encoder.token_types else None


def share_right(logits: Array, truth: Array, counted: Array) -> Array:
    """Return the share of texts whose larger of two scores [B, 2] is the true one."""
    right = ((logits[:, 1] > logits[:, 0]) == truth) & counted
    return jnp.sum(right) / jnp.maximum(jnp.sum(counted), 1)
