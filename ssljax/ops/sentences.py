"""Pairs of sentences, cut out of single texts `[CLS] x [SEP]` and joined, in static shapes."""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Halves(NamedTuple):
    """Where the two parts of each text are.

    Attributes:
      first: int32[B], tokens of the first part, which begins behind the first token of the row.
      second: int32[B], tokens of the second, which follows at once.
    """

    first: jax.Array
    second: jax.Array


class Joined(NamedTuple):
    """Texts of two sentences, `[CLS] A [SEP] B [SEP]`.

    Attributes:
      ids: int32[B, N].
      segments: int32[B, N], 1 where there is text, 0 where there is padding.
      types: int32[B, N], 1 from B to the last end token, 0 elsewhere.
    """

    ids: jax.Array
    segments: jax.Array
    types: jax.Array


def halves(keys: jax.Array, segments: jax.Array) -> Halves:
    """Cut each text at a place of its own, uniform among those that leave both parts a token.

    Args:
      keys: typed keys [B].
      segments: int32[B, N], 1 for the tokens of a text and 0 behind it. The first and the last of
        these are special and in no part. A text of less than two others has nothing to cut: its
        second part is empty.
    """
    length = segments.shape[1]

    def one(key, count):
        inner = jnp.maximum(count - 2, 0)
        # Both end tokens and one token of B must fit behind A.
        most = jnp.maximum(jnp.minimum(inner - 1, length - 4), 1)
        cut = jnp.minimum(jax.random.randint(key, (), 1, most + 1), inner)
        return Halves(cut, inner - cut)

    return jax.vmap(one)(keys, jnp.sum(segments > 0, axis=1))


def join(
    first: tuple[jax.Array, jax.Array, jax.Array],
    second: tuple[jax.Array, jax.Array, jax.Array],
    *,
    begin: int,
    end: int,
) -> Joined:
    """Return `[CLS] A [SEP] B [SEP]` of parts of texts, of which either is cut at its end.

    A leaves room for one token of B, and B gets what is left.

    Args:
      first, second: (ids int32[B, N], start int32[B], count int32[B]): the part is
        ids[b, start_b : start_b + count_b].
      begin, end: the ids of [CLS] and [SEP].

    >>> ids = jnp.array([[7, 1, 2, 3, 8]])
    >>> one, two = jnp.array([1]), jnp.array([2])
    >>> join((ids, one, one), (ids, two, two), begin=7, end=8).ids.tolist()
    [[7, 1, 8, 2, 8]]
    """
    at = jnp.arange(first[0].shape[1])

    def one(first, second):
        (one, one_start, a), (two, two_start, b) = first, second
        a = jnp.minimum(a, len(at) - 4)
        b = jnp.minimum(b, len(at) - 3 - a)
        of_first, of_second = one[at - 1 + one_start], two[at - a - 2 + two_start]
        stop = a + 2 + b  # the place of the last end token
        ids = jnp.where(at <= a, of_first, of_second)
        ids = jnp.where((at == a + 1) | (at == stop), end, jnp.where(at == 0, begin, ids))
        segments = (at <= stop).astype(jnp.int32)
        types = segments * (at > a + 1)
        return Joined(jnp.where(segments > 0, ids, 0).astype(jnp.int32), segments, types)

    return jax.vmap(one)(first, second)
