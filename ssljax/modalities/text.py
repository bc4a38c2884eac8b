"""Text: int32 [tokens], ids of a vocabulary, padded at the end."""

import dataclasses
import functools

import jax
import jax.numpy as jnp

from ssljax.data.host.text import BYTES
from ssljax.data.tokenizers.characters import Bytes
from ssljax.losses import masked_cross_entropy
from ssljax.modalities.base import Array, Modality
from ssljax.ops import degrade
from ssljax.ops.augment import TextView, multi_drop
from ssljax.ops.tf_idf import tf_idf
from ssljax.spec import Value


class Text(Modality):
    """Ids as they are.

    Views differ by the dropout of the encoder, and by dropped tokens where a config asks for them.
    Masked prediction is of the ids: cross entropy.
    """

    view = TextView
    encoder = "text_transformer"

    def like(self, groups, field):
        """Return as many views, each the text as it is."""
        return {name: {"count": fields.get("count", 1)} for name, fields in groups.items()}

    def complete(self, fields, field):
        length = field.shape[0]
        if fields.get("size", length) not in (0, length):
            raise ValueError(
                f"size={fields['size']}: views of texts are of their length, {length} tokens; "
                "leave it out"
            )
        return {**fields, "size": length}

    def views(self, views, keys, value, field):
        return multi_drop(views, keys, Value(self.plain(value.data, field), value.segments))

    def reconstruction(self, field, encoder, normalize):
        return TokenReconstruction(field.vocab)

    def normalize(self, value, field):
        return value

    def restore(self, value, field):
        return value

    def plain(self, value, field):
        return jnp.asarray(value, jnp.int32)

    def blank(self, field, size=0):
        return jnp.zeros((2, *self.shape(field, size)), jnp.int32)

    def corruptions(self, field):
        """Return dropped words: what stands between spaces where tokens are bytes, else tokens."""
        special = tuple(number for role, number in field.special if role != "unk")
        space = ord(" ") if field.vocab in (BYTES, Bytes.vocab) else None

        def dropped(keys, value, strength, bank):
            del bank
            run = functools.partial(degrade.text_dropped_words, space=space, special=special)
            over = jax.vmap(run, in_axes=(0, 0, 0, None))
            return Value(*over(keys, value.data, value.segments, strength))

        return {"dropped_words": dropped}

    def raw(self, value, field):
        """Return the tf-idf of the ids, [B, C]; the mean of the field is the idf, see `tf_idf`."""
        idf = jnp.array(field.mean) if field.mean else None
        return tf_idf(value.data, value.segments, field.vocab, idf)


@dataclasses.dataclass(frozen=True)
class TokenReconstruction:
    """The ids of hidden tokens, by cross entropy.

    Attributes:
      out: number of ids.
    """

    out: int

    def target(self, x: Array) -> Array:
        """Return [B, N], the ids themselves."""
        return x

    def loss(self, prediction: Array, x: Array, where: Array) -> Array:
        """Return [B], the mean over the hidden tokens."""
        return masked_cross_entropy(prediction, x, where=where)
