"""Corruption of texts, ids int32[N] and segments int32[N], 0 after the end.

| corruption | strengths 1 to 5 |
|---|---|
| dropped words | each with probability .1, .2, .3, .4, .5 |
"""

import jax
import jax.numpy as jnp

from ssljax.ops.degrade.levels import level

DROPPED = (0.1, 0.2, 0.3, 0.4, 0.5)


def text_dropped_words(
    key: jax.Array,
    ids: jax.Array,
    segments: jax.Array,
    strength: jax.Array | int,
    *,
    space: int | None = None,
    special: tuple[int, ...] = (),
) -> tuple[jax.Array, jax.Array]:
    """Leave words out; what is left moves together, and what is empty at the end is padding.

    A text of which no word would be left keeps its first one.

    Args:
      key: of the text.
      ids: int32[N].
      segments: int32[N], 1 on the text and 0 after its end.
      strength: from 1 to 5.
      space: the id between words, which goes with the word behind it; None: each token is a word.
      special: ids that are no words and stay, such as those of begin and end tokens.

    Returns:
      (ids, segments), as they came, 0 after the new end.
    """
    places = jnp.arange(len(ids))
    stays = jnp.isin(ids, jnp.array(special, ids.dtype))
    apart = stays | jnp.pad(stays[:-1], (1, 0))  # a special token is no part of a word
    word = places if space is None else jnp.cumsum((ids == space) | apart)
    drawn = jax.random.uniform(key, (len(ids) + 1,)) >= level(DROPPED, strength)
    real = segments > 0
    words = real & ~stays
    kept = drawn[word] & words
    kept = jnp.where(kept.any(), kept, words & (word == word[jnp.argmax(words)]))
    kept |= real & stays
    order = jnp.argsort(~kept, stable=True)
    left = places < kept.sum()
    return jnp.where(left, ids[order], 0), jnp.where(left, segments[order], 0)
