"""CoCa: CLIP whose text encoder goes on into a decoder, which captions the image."""

import dataclasses
from typing import Any

import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import causal_lm, clip
from ssljax.losses.language import followed
from ssljax.models import CaptionDecoder, CaptionPooler, TextTransformer
from ssljax.objectives.base import Array
from ssljax.objectives.masked.patches import mean_over
from ssljax.objectives.net import Net
from ssljax.objectives.paired.clip import CLIP
from ssljax.objectives.views import blank
from ssljax.schema import Count, Depth, NotNegative, Size


@dataclasses.dataclass(frozen=True)
class CoCa(CLIP):
    """Contrastive captioners are image-text foundation models (Yu et al., 2022).

    The tokens of the image are pooled by learned queries; a single query behind these gives the
    image's vector. A causal encoder of the text gives the text's vector at its last token, and its
    tokens go on into a decoder that also looks at the queries and scores every next token:

        loss = contrastive_weight * CLIP's + caption_weight * causal LM of the text given the image

    The second is a mean over all tokens of the batch that have a next one. Gradients of both reach
    both encoders. `config.encoder` reads the image, of any encoder that gives tokens;
    `config.encoders.text` is a text transformer with causal=True and, as in the paper, pool="last",
    under a tokenizer whose texts have an end token: it stands for the paper's [CLS], which comes
    last and is not predicted from.

    Attributes:
      caption_queries: tokens of the image that the decoder sees.
      pooler_heads: attention heads of the poolers.
      decoder_depth, decoder_heads: of the decoder, whose width is the text encoder's.
      caption_weight, contrastive_weight: of the two losses.
      words_block: tokens of each text whose scores are in memory at a time; 0: all.

    Paper: https://arxiv.org/abs/2205.01917. Official code: none; mlfoundations/open_clip,
    coca_model.py and loss.py (CoCaLoss).
    """

    caption_queries: Count = 256
    pooler_heads: Count = 8
    decoder_depth: Depth = 12
    decoder_heads: Count = 12
    caption_weight: NotNegative = 2.0
    contrastive_weight: NotNegative = 1.0
    words_block: Size = 0

    paper = "arXiv:2205.01917"

    def check(self):
        super().check()
        encoder = self.run.encoders[self.text]
        if not isinstance(encoder, TextTransformer) or not encoder.causal:
            raise UserError(
                f"coca needs config.encoders.{self.text} = {{'name': 'text_transformer', 'causal': "
                "True, ...}: its decoder predicts words from those before them"
            )
        if encoder.width % self.decoder_heads:
            raise UserError(
                f"objective.decoder_heads={self.decoder_heads} must divide "
                f"encoders.{self.text}.width={encoder.width}"
            )

    @property
    def text(self) -> str:
        """The name of the field that is predicted."""
        return next(iter(self.run.encoders))

    def modules(self):
        encoder = self.run.encoders[self.text]
        pooler = CaptionPooler(self.caption_queries, self.pooler_heads, dtype=self.run.dtype)
        decoder = CaptionDecoder(
            encoder.vocab,
            self.decoder_depth,
            self.decoder_heads,
            mlp_ratio=encoder.mlp_ratio,
            activation=encoder.activation,
            norm_epsilon=encoder.norm_epsilon,
            kernel_init=encoder.kernel_init.partition("_by_")[0],
            dtype=encoder.dtype,
        )
        return {**super().modules(), "pooler": pooler, "decoder": decoder}

    def features(self, net, name, encoded):
        return net.pooler(encoded.tokens)[1] if name == self.run.name else encoded.pooled

    def run_once(self, net):
        super().run_once(net)
        text = blank(self.run.spec.fields[self.text])
        shown = {self.run.name: self.blank(), self.text: text}
        encoded = {name: self.encode(net, name, x) for name, x in shown.items()}
        self._caption(net, encoded, net.pooler(encoded[self.run.name].tokens)[0], text.segments)

    def loss(self, net, teacher, batch, *, key, step):
        encoded = {name: self.encode(net, name, x) for name, x in self.inputs(key, batch).items()}
        seen, pooled = net.pooler(encoded[self.run.name].tokens)
        whole, log_scale = self.whole(batch), net.scale()
        losses = clip(
            self._projected(net, self.run.name, pooled, whole),
            self._projected(net, self.text, encoded[self.text].pooled, whole),
            temperature=jnp.exp(-log_scale),
            block=self.logits_block,
            present=whole,
        )
        contrastive = self.over_pairs(losses, batch, {"scale": jnp.exp(log_scale)})

        text = batch[self.text]
        features, words = self._caption(net, encoded, seen, text.segments)
        options = {"segments": text.segments, "block": self.words_block}
        counted = followed(text.segments)
        if whole is not None:
            counted &= whole[:, None]
        caption, _ = mean_over(causal_lm(features, words, text.data, **options), counted)

        value = self.contrastive_weight * contrastive.value + self.caption_weight * caption
        metrics = {"contrastive": contrastive.value, "caption": caption, **contrastive.metrics}
        return contrastive._replace(value=value, metrics=metrics)

    def _caption(
        self, net: Net, encoded: dict[str, Any], seen: Array, segments: Array
    ) -> tuple[Array, Array]:
        """Return the features of the text's tokens that have seen the image, and the vectors of
        ids."""
        return net.decoder(encoded[self.text].tokens, seen, segments)
