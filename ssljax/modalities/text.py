"""Text: int32 [tokens], ids of a vocabulary, padded at the end."""

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.modalities.base import Modality


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

    def plain(self, value, field):
        return jnp.asarray(value, jnp.int32)

    def blank(self, field, size=0):
        return jnp.zeros((2, *self.shape(field, size)), jnp.int32)

    def raw(self, value, field):
        """Return the share of each id among the tokens of a text, [B, vocab]."""
        real = (value.segments > 0).astype(jnp.float32)
        ids = jax.nn.one_hot(value.data, field.vocab)
        return jnp.einsum("bn,bnv->bv", real, ids) / jnp.maximum(real.sum(1, keepdims=True), 1)


def _refusal(what: str) -> UserError:
    return UserError(
        f"the objective takes {what}, and text has none; set config.encoder to one of another field"
    )
