"""M3AE: reconstruct an image and its text from a few patches and words of both."""

import dataclasses
import math

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import masked_lm
from ssljax.models import Encoded, PairDecoder, PlacedWords, WordMean
from ssljax.objectives.base import Array, Loss, Objective
from ssljax.objectives.masked.patches import (
    patch_grid,
    reconstruction,
    require_mask,
    require_patches,
)
from ssljax.objectives.net import Net
from ssljax.objectives.views import Views, blank, plain
from ssljax.ops.keys import per_example
from ssljax.ops.masking import Mask, random_mask
from ssljax.schema import Count, Depth, NotNegative, OpenShare, Size, Width
from ssljax.spec import Value, present


@dataclasses.dataclass(frozen=True)
class M3AE(Objective):
    """Multimodal masked autoencoders learn transferable representations (Geng et al., 2022).

    One encoder sees the visible patches of an image and the visible words of its text side by side;
    one decoder sees what that gave and mask tokens for the rest, and predicts the pixels of hidden
    patches and scores every id at hidden words:

        loss = image_weight * squared error + text_weight * cross entropy

    Each is the mean over what is hidden of an example, then over the examples. `config.encoder`
    reads the image and is the trunk of both; `config.encoders.text` holds the vectors of words, as
    wide as the encoder: {"name": "word_vectors", "width": ..., "deviation": 1.0}, as the official
    code starts them. Positions are fixed. Patches need no vector that says of which input they are:
    the bias of their map is one.

    Each example has masks of its own; the official code draws one for the batch of a device. Of a
    short text the share of its words is visible, never padding; there it may be.

    An example may lack a field (`ssljax.spec.presence_of`): what is missing is seen by no token and
    has no loss, and the other field is learned from. Evaluation shows the encoder each field alone.

    Attributes:
      image_mask_ratio, text_mask_ratio: share of the patches and of the words that is hidden.
      image_weight, text_weight: of the two losses.
      normalize_targets: whether each patch is normalised by its own mean and variance, as in MAE;
        the official code does not.
      words_block: words of each text whose scores are in memory at a time; 0: all.

    Paper: https://arxiv.org/abs/2205.14204. Official code: young-geng/m3ae_public, m3ae/model.py,
    m3ae/m3ae_main.py; the weight of texts is that of its README.
    """

    views: Views = Views.crops(crop_scale=(0.2, 1.0), flip=0.5)
    image_mask_ratio: OpenShare = 0.75
    text_mask_ratio: OpenShare = 0.75
    image_weight: NotNegative = 1.0
    text_weight: NotNegative = 0.5
    normalize_targets: bool = False
    decoder_width: Width = 512
    decoder_depth: Depth = 8
    decoder_heads: Count = 16
    words_block: Size = 0

    several_fields = True
    takes_ragged = True
    reads = ("image",)
    paper = "arXiv:2205.14204"

    def check(self):
        self.views.require(count=1)
        require_patches(self.run, "m3ae")
        encoder = self.run.encoder
        if encoder.positions not in ("sincos", "learned") or encoder.grad_cache > 1:
            raise UserError(
                "m3ae puts words beside the patches of the encoder; it needs "
                "encoder.positions='sincos' or 'learned', and encoder.grad_cache=1"
            )
        words = list(self.run.encoders.values())
        if len(words) != 1 or not isinstance(words[0], WordMean) or words[0].width != encoder.width:
            raise UserError(
                "m3ae needs the vectors of words beside config.encoder, as wide as that; set "
                "config.encoders = {'text': {'name': 'word_vectors', 'width': "
                f"{encoder.width}, 'deviation': 1.0}}}}"
            )
        require_mask(
            lambda keys: self._masks(keys, jnp.ones((2, self._length), bool)),
            image_mask_ratio=self.image_mask_ratio,
            text_mask_ratio=self.text_mask_ratio,
        )
        if self.decoder_width % self.decoder_heads:
            raise UserError(
                f"objective.decoder_heads={self.decoder_heads} must divide "
                f"objective.decoder_width={self.decoder_width}"
            )

    @property
    def text(self) -> str:
        """The name of the field of texts."""
        return next(iter(self.run.encoders))

    @property
    def _length(self) -> int:
        return self.run.spec.fields[self.text].shape[0]

    def modules(self):
        encoder, words = self.run.encoder, self.run.encoders[self.text]
        decoder = PairDecoder(
            grid=patch_grid(self.run, self.views),
            out=reconstruction(self.run).out,
            vocab=words.vocab,
            width=self.decoder_width,
            depth=self.decoder_depth,
            heads=self.decoder_heads,
            activation=encoder.activation,
            norm_epsilon=encoder.norm_epsilon,
            attention=encoder.attention,
            scan=encoder.scan,
            remat=encoder.remat,
            dtype=self.run.dtype,
        )
        return {
            "encoder": encoder,
            f"{self.text}_encoder": words,
            "placed": PlacedWords(),
            "decoder": decoder,
        }

    def run_once(self, net):
        text = _value(blank(self.run.spec.fields[self.text]))
        keys = jax.random.split(jax.random.key(0), 2)
        masks = self._masks(keys, text.segments > 0)
        self._predicted(net, self.blank(), self._words(net, text), masks)

    def loss(self, net, teacher, batch, *, key, step):
        x = self.views.stacked(key, batch)[:, 0]
        text = _value(plain(batch[self.text], self.run.spec.fields[self.text]))
        there = {name: present(batch, name) for name in (self.run.name, self.text)}
        if there[self.text] is not None:
            text = Value(text.data, text.segments * there[self.text][:, None])
        keys = per_example(jax.random.split(key)[1], batch["row"])
        patches, words = masks = self._masks(keys, text.segments > 0)
        values, features, vectors, bias = self._predicted(
            net, x, self._words(net, text), masks, there[self.run.name]
        )
        target = reconstruction(self.run, normalize=self.normalize_targets)
        image = target.loss(values, x, where=patches.masked)
        if there[self.run.name] is not None:
            image = jnp.where(there[self.run.name], image, 0)
        options = {"where": words.masked, "bias": bias, "block": self.words_block}
        losses = {
            "image": jnp.mean(image),
            "text": jnp.mean(masked_lm(features, vectors, text.data, **options)),
        }
        total = self.image_weight * losses["image"] + self.text_weight * losses["text"]
        return Loss(total, {f"loss/{name}": value for name, value in losses.items()})

    def _masks(self, keys: Array, real: Array) -> tuple[Mask, Mask]:
        """Return what is hidden of the patches and of the words of each example."""
        own, other = (jax.vmap(lambda key, i=i: jax.random.fold_in(key, i))(keys) for i in (0, 1))
        count = math.prod(patch_grid(self.run, self.views))
        return (
            random_mask(own, patches=count, ratio=self.image_mask_ratio),
            random_mask(other, patches=self._length, ratio=self.text_mask_ratio, real=real),
        )

    def _predicted(self, net: Net, x: Array, text: Value, masks: tuple[Mask, Mask], there=None):
        """Return what the decoder gives of the masked images and texts.

        Args:
          text: the words as tokens of the trunk.
          there: bool[B], the examples that have an image; None for all.
        """
        patches, words = masks
        count = patches.restore.shape[1]
        keep = jnp.concatenate([patches.keep, count + words.keep], axis=1)
        shown = None if there is None else _along_rows(there, x)
        encoded = net.encoder(x, keep=keep, segments=shown, beside=text)
        there = jnp.ones(len(x), bool) if there is None else there
        of_patches = jnp.broadcast_to(there[:, None], (len(x), count)).astype(jnp.int32)
        segments = jnp.concatenate([of_patches, text.segments], axis=1)
        return net.decoder(encoded, patches, words, segments)

    def _words(self, net: Net, text: Value) -> Value:
        """Return the words of texts as tokens of the trunk; all of one segment."""
        vectors = getattr(net, f"{self.text}_encoder")(text).tokens
        return Value(net.placed(vectors), (text.segments > 0).astype(jnp.int32))

    def outputs(self, params, state, batch):
        """Return the features [B, D] and the tokens of each field that a batch has, seen alone."""
        net, found = self.evaluated(params, state), {}
        for name in (self.run.name, self.text):
            if name in batch:
                encoded = self._alone(net, batch, name)
                found |= {name: encoded.pooled, f"tokens/{name}": encoded.tokens}
        return found

    def layers(self, params, state, batch, name):
        return self._alone(self.evaluated(params, state), batch, name, layers=True).layers

    def _alone(self, net: Net, batch, name: str, **options) -> Encoded:
        """Return what the encoder gives of one field: of a text, its words beside an image that no
        token sees."""
        x = plain(batch[name], self.run.spec.fields[name])
        if name == self.run.name:
            return net.encoder(x, **options)
        text = _value(x)
        nothing = jnp.zeros((len(text.data), *self.blank().shape[1:]), jnp.float32)
        shown = _along_rows(jnp.zeros(len(nothing), bool), nothing)
        encoded = net.encoder(nothing, segments=shown, beside=self._words(net, text), **options)
        return encoded._replace(tokens=encoded.tokens[:, -self._length :])


def _value(text: Array | Value) -> Value:
    """Return a text with its segments; without, all of it counts."""
    return text if isinstance(text, Value) else Value(text, jnp.ones(text.shape, jnp.int32))


def _along_rows(there: Array, x: Array) -> Array:
    """Return the segments of images, int32[B, H]: 1 where there is one, 0 where not."""
    return jnp.broadcast_to(there[:, None], x.shape[:2]).astype(jnp.int32)
