"""What objectives that hide words share: which may be hidden, the head, the loss."""

import dataclasses

import jax
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
from ssljax.spec import Value


def vocabulary(net: Net) -> Array:
    """Return the vectors of all ids [V, D], as the encoder embeds them."""
    return net.params["encoder"]["token_embed"]["embedding"]


def sums_of(name: str, losses: Array, ids: Array, predicted: Array) -> dict[str, Array]:
    """Return the outputs that the protocol `held_out_loss` reads, of every text of a field.

    Args:
      name: of the field.
      losses: [B], the mean of each text over its predicted tokens.
      ids: int[B, M], among them those of the predicted tokens.
      predicted: bool[B, M], which they are.

    Returns:
      "losses/NAME", the sum of the losses and the number of predicted tokens, [B, 2]; and
      "predicted/NAME", the ids of these, -1 for the others, [B, M].
    """
    counts = jnp.sum(predicted, axis=1).astype(losses.dtype)
    return {
        f"losses/{name}": jnp.stack([losses * counts, counts], axis=1),
        f"predicted/{name}": jnp.where(predicted, ids, -1),
    }


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

    Evaluation asks for words that depend on a text alone, so that all encoders predict the same.

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
    predictor = "encoder"  # the network whose tokens the words are predicted from

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
        return mean_over(self._word_losses(net, tokens, ids, made), made.chosen)

    def _word_losses(self, net, tokens, ids, made) -> Array:
        """Return the mean over the hidden words of each text, [B]."""
        features, bias = net.words(at_places(tokens, made.places))
        options = {"where": made.chosen, "bias": bias, "block": self.logits_block}
        return masked_lm(features, vocabulary(net), at_places(ids, made.places), **options)

    def outputs(self, params, state, batch):
        text, net = batch[self.run.name], self.evaluated(params, state)
        # The key is made of the ids: every encoder is asked the same words of a text.
        weights = 1 + jnp.arange(text.data.shape[1], dtype=jnp.uint32)
        marks = jnp.sum(jnp.where(text.segments > 0, text.data, 0).astype(jnp.uint32) * weights, 1)
        made = self.hidden(jax.random.key(0), text.data, text.segments, marks)
        types = self._types(text.data, text.segments)
        tokens = getattr(net, self.predictor)(Value(made.ids, text.segments), types=types).tokens
        losses = self._word_losses(net, tokens, text.data, made)
        asked = sums_of(self.run.name, losses, at_places(text.data, made.places), made.chosen)
        return super().outputs(params, state, batch) | asked

    def _types(self, ids, segments):
        """Return the types of tokens, which hidden words must not change; None without types."""
        encoder = self.run.encoder
        return encoder.types_of(ids, segments) if encoder.token_types else None


def share_right(logits: Array, truth: Array, counted: Array) -> Array:
    """Return the share of texts whose larger of two scores [B, 2] is the true one."""
    right = ((logits[:, 1] > logits[:, 0]) == truth) & counted
    return jnp.sum(right) / jnp.maximum(jnp.sum(counted), 1)
