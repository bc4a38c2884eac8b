"""Text: int32 [tokens], ids of a vocabulary, padded at the end."""

import functools

import jax
import jax.numpy as jnp

from ssljax.data.host.text import BYTES
from ssljax.errors import UserError
from ssljax.modalities.base import Modality
from ssljax.ops import degrade
from ssljax.ops.tf_idf import tf_idf
from ssljax.spec import Value


class Text(Modality):
    """Ids as they are.

    A text has no augmented views and no masked prediction: an objective reads it as what another
    field is described by.
    """

    encoder = "text_transformer"

    def like(self, groups, field):
        raise _refusal("views of examples")

    def complete(self, fields, field):
        raise _refusal("views of examples")

    def views(self, views, keys, value, field):
        raise _refusal("views of examples")

    def reconstruction(self, field, encoder, normalize):
        raise _refusal("masked examples")

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
        space = ord(" ") if field.vocab == BYTES else None

        def dropped(keys, value, strength, bank):
            del bank
            run = functools.partial(degrade.text_dropped_words, space=space)
            over = jax.vmap(run, in_axes=(0, 0, 0, None))
            return Value(*over(keys, value.data, value.segments, strength))

        return {"dropped_words": dropped}

    def raw(self, value, field):
        """Return the tf-idf of the ids, [B, C]; the mean of the field is the idf, see `tf_idf`."""
        idf = jnp.array(field.mean) if field.mean else None
        return tf_idf(value.data, value.segments, field.vocab, idf)


def _refusal(what: str) -> UserError:
    return UserError(
        f"the objective takes {what}, and text has none; set config.encoder to one of another field"
    )
