"""Views of texts: the ids as they are, or with some of them dropped."""

import dataclasses
import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from ssljax.spec import Value


@dataclasses.dataclass(frozen=True)
class TextView:
    """What makes one kind of view of a text. Without `drop` it is the text itself, and two views
    differ by the dropout of the encoder alone, as in SimCSE.

    Attributes:
      drop: probability of leaving out each token but the first; those behind it move up.
      size: tokens of the view; that of the data.
      count: how many such views of each text.

    Raises:
      ValueError: a field is outside its range; the message gives field, value and range.

    Reference: CLEAR, Wu et al. 2020, https://arxiv.org/abs/2012.15466 (word deletion); EDA, Wei and
    Zou 2019, https://arxiv.org/abs/1901.11196.
    """

    size: int
    drop: float = 0.0
    count: int = 1

    def __post_init__(self):
        for name in ("size", "count"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)!r} must be at least 1")
        if not 0 <= self.drop < 1:
            raise ValueError(f"drop={self.drop!r} must be at least 0 and below 1")


def multi_drop(views: Mapping[str, TextView], keys: jax.Array, value: Value) -> dict[str, Value]:
    """Return every view of every text, {name: Value [B, count, N]}.

    Args:
      views: by name; each has random numbers of its own.
      keys: typed keys [B].
      value: ids and segments [B, N].
    """
    made = {}
    for number, (name, view) in enumerate(views.items()):
        own = jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, number)
        run = jax.vmap(functools.partial(_views, view))
        made[name] = run(own, value.data, value.segments)
    return made


def _views(view: TextView, key: jax.Array, ids: jax.Array, segments: jax.Array) -> Value:
    """Return the views of one text."""
    if not view.drop:
        return Value(*(jnp.repeat(x[None], view.count, axis=0) for x in (ids, segments)))

    def one(key: jax.Array) -> Value:
        drawn = jax.random.uniform(key, ids.shape) >= view.drop
        stays = (segments > 0) & (drawn | (jnp.arange(len(ids)) == 0))
        order = jnp.argsort(~stays, stable=True)
        left = stays[order]
        return Value(jnp.where(left, ids[order], 0), jnp.where(left, segments[order], 0))

    return jax.vmap(one)(jax.random.split(key, view.count))
