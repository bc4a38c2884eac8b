"""ELECTRA: tell the words that a small generator has replaced."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import masked_lm, replaced_token
from ssljax.models import TokenHead
from ssljax.objectives.base import Loss
from ssljax.objectives.language.masked_words import MaskedWords, vocabulary
from ssljax.objectives.masked.patches import mean_over
from ssljax.ops.keys import per_example
from ssljax.ops.token_masking import at_places
from ssljax.schema import CountOrNone, NotNegative, Share
from ssljax.spec import Value

SHARED = ("token_embed", "pos_embed", "type_embed", "embedding_norm")


@dataclasses.dataclass(frozen=True)
class ELECTRA(MaskedWords):
    """Pre-training text encoders as discriminators rather than generators (Clark et al., 2020).

    A generator, a smaller transformer with a head of its own, predicts hidden words (masked LM).
    A word is drawn from its distribution for each of them, without a gradient; the encoder tells of
    every token of the text, special ones too, whether it was replaced. A word that is drawn right
    was not. The loss is the generator's plus `weight` times the discriminator's, each a mean over
    all that it is asked of in the batch.

    The generator has the embeddings of the encoder: ids, positions, types and their norm.

    The two means are over different numbers of things: the gradients of micro-batches would not
    add up, so `accumulate` is refused. `encoder.grad_cache` saves memory instead.

    Args (fields):
      weight: of the discriminator's loss.
      generator_width, generator_heads, generator_depth: of the generator's transformer; 0 for a
        quarter of the encoder's width and heads, and its depth.

    Paper: https://arxiv.org/abs/2003.10555. Official code: google-research/electra,
    run_pretraining.py and pretrain/pretrain_helpers.py: 85 % of the predicted words are hidden, the
    others stay.
    """

    masked_share: Share = 0.85
    random_share: Share = 0.0
    weight: NotNegative = 50.0
    generator_width: CountOrNone = 0
    generator_heads: CountOrNone = 0
    generator_depth: CountOrNone = 0

    takes_packed = True
    batch_coupled = True
    predictor = "generator"
    paper = "arXiv:2003.10555"

    def check(self):
        super().check()
        width, heads = self._sizes
        if width % heads:
            raise UserError(
                f"objective.generator_heads={heads} must divide objective.generator_width={width}"
            )

    @property
    def _sizes(self) -> tuple[int, int]:
        encoder = self.run.encoder
        width = self.generator_width or max(1, encoder.width // 4)
        return width, self.generator_heads or max(1, encoder.heads // 4)

    def modules(self):
        encoder = self.run.encoder
        width, heads = self._sizes
        generator = encoder.clone(
            width=width,
            heads=heads,
            depth=self.generator_depth or encoder.depth,
            embed_width=encoder.embedded_width,
        )
        return {
            "encoder": encoder,
            "generator": generator,
            "words": self.word_head(encoder),
            "replaced": TokenHead(dtype=self.run.dtype),
        }

    def run_once(self, net):
        net.words(net.generator(self.blank()).tokens)
        net.replaced(net.encoder(self.blank()).tokens)

    def init_networks(self, key):
        params, stats = super().init_networks(key)
        own = {k: v for k, v in params["generator"].items() if k not in SHARED}
        return {**params, "generator": own}, stats

    def nets(self, params, state, **options: Any):
        embeddings = {name: params["encoder"][name] for name in SHARED if name in params["encoder"]}
        generator = {**params["generator"], **embeddings}
        return super().nets({**params, "generator": generator}, state, **options)

    def loss(self, net, teacher, batch, *, key, step):
        text, rows = batch[self.run.name], batch["row"]
        ids, segments = text.data, text.segments
        hide_key, draw_key = (jax.random.fold_in(key, stream) for stream in (1, 2))
        made = self.hidden(hide_key, ids, segments, rows)
        types = self._types(ids, segments)
        tokens = net.generator(Value(made.ids, segments), types=types).tokens
        features, bias = net.words(at_places(tokens, made.places))
        true = at_places(ids, made.places)
        options = {"where": made.chosen, "bias": bias, "block": self.logits_block}
        words, _ = mean_over(masked_lm(features, vocabulary(net), true, **options), made.chosen)

        drawn = self._draw(per_example(draw_key, rows), features, vocabulary(net), bias)
        new = jnp.where(made.chosen, drawn, true)
        seen = jax.vmap(lambda ids, places, new: ids.at[places].set(new))(ids, made.places, new)
        replaced, real = seen != ids, segments > 0
        logits = net.replaced(net.encoder(Value(seen, segments), types=types).tokens)
        told, _ = mean_over(replaced_token(logits, replaced, where=real), real)
        metrics = {
            "generator_loss": words,
            "discriminator_loss": told,
            "replaced": jnp.sum(replaced) / jnp.maximum(jnp.sum(real), 1),
        }
        return Loss(words + self.weight * told, metrics)

    def _draw(self, keys, features, embedding, bias):
        """Return int32[B, K], words drawn from the generator's distributions, without gradient."""
        features, embedding, bias = jax.lax.stop_gradient((features, embedding, bias))

        def one(key, features):
            logits = features.astype(jnp.float32) @ embedding.T.astype(jnp.float32) + bias
            return jax.random.categorical(key, logits)

        return jax.vmap(one)(keys, features)
