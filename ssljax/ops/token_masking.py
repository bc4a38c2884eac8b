"""Random tokens of texts to predict, and what is put in their place, in static shapes."""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class MaskedTokens(NamedTuple):
    """Texts with some tokens hidden, and which.

    Attributes:
      ids: int32[B, N], the texts as a model sees them.
      places: int32[B, K], the tokens to predict; in any order.
      chosen: bool[B, K], whether a place counts: texts have different numbers of them.
    """

    ids: jax.Array
    places: jax.Array
    chosen: jax.Array


def mask_tokens(
    keys: jax.Array,
    ids: jax.Array,
    *,
    where: jax.Array,
    ratio: float,
    mask_id: int,
    vocab: int,
    masked: float = 0.8,
    random: float = 0.1,
) -> MaskedTokens:
    """Choose tokens to predict; of these hide most, replace some and leave the others (BERT).

    Of n tokens that may be chosen, max(1, round(n ratio)) are, and none of none. Each is replaced
    by the mask token with probability `masked`, by an id drawn from the whole vocabulary with
    probability `random`, and left otherwise. So the numbers of an example are a function of its key
    and its text alone.

    Args:
      keys: typed keys [B].
      ids: int32[B, N].
      where: bool[B, N], the tokens that may be chosen: no padding, no special tokens.
      ratio: the share to choose, above 0 and below 1.
      mask_id: the id of the mask token.
      vocab: number of ids.
      masked, random: see above; their sum is at most 1.

    Returns:
      K = max(1, round(N ratio)).

    Raises:
      ValueError: ratio is not between 0 and 1, or the two probabilities are not.

    Devlin et al. 2018, https://arxiv.org/abs/1810.04805 (A.1); google-research/bert,
    create_pretraining_data.py (create_masked_lm_predictions), which rounds as here; its masks are
    drawn once for several epochs.

    >>> keys, ids = jax.random.split(jax.random.key(0), 2), jnp.full((2, 20), 5)
    >>> made = mask_tokens(keys, ids, where=ids > 0, ratio=0.15, mask_id=1, vocab=9)
    >>> made.places.shape, made.chosen.sum(axis=1).tolist()
    ((2, 3), [3, 3])
    """
    if not 0 < ratio < 1:
        raise ValueError(f"ratio must be above 0 and below 1, got {ratio}")
    if min(masked, random) < 0 or masked + random > 1 + 1e-6:
        raise ValueError(
            f"masked={masked} and random={random} are probabilities of which the sum is at most 1"
        )
    most = max(1, round(ids.shape[1] * ratio))

    def one(key, ids, where):
        order, fate, words = jax.random.split(key, 3)
        noise = jnp.where(where, jax.random.uniform(order, where.shape), 2.0)
        places = jnp.argsort(noise)[:most].astype(jnp.int32)
        count = jnp.sum(where)
        wanted = jnp.minimum(jnp.maximum(1, jnp.round(count * ratio)), count)
        chosen = jnp.arange(most) < wanted
        fate = jax.random.uniform(fate, (most,))
        word = jax.random.randint(words, (most,), 0, vocab, ids.dtype)
        new = jnp.where(
            fate < masked, mask_id, jnp.where(fate < masked + random, word, ids[places])
        )
        seen = ids.at[places].set(jnp.where(chosen, new, ids[places]).astype(ids.dtype))
        return MaskedTokens(seen, places, chosen)

    return jax.vmap(one)(keys, ids, where)


def at_places(x: jax.Array, places: jax.Array) -> jax.Array:
    """Return x[B, N, ...] at places[B, K], as [B, K, ...].

    >>> at_places(jnp.array([[5, 6, 7]]), jnp.array([[2, 0]])).tolist()
    [[7, 5]]
    """
    shape = (*places.shape, *[1] * (x.ndim - 2))
    return jnp.take_along_axis(x, places.reshape(shape), axis=1)
