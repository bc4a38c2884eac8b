"""Texts as vectors of weighted counts: the classical features without a network."""

import jax
import jax.numpy as jnp

Array = jax.Array

COLUMNS = 4096  # at most; ids of a larger vocabulary share them


def columns_of(vocab: int) -> int:
    """Return the number of columns of the vectors of a vocabulary."""
    return min(vocab, COLUMNS)


def column(ids: Array, vocab: int) -> Array:
    """Return the column of each id, from 0 to `columns_of(vocab) - 1`.

    Of a vocabulary that is not larger than that it is the id; else the first 12 bits of the product
    with Knuth's constant (The Art of Computer Programming 3, 6.4), which spreads the ids evenly.
    Arrays of NumPy give such.
    """
    if vocab <= COLUMNS:
        return ids
    return (ids.astype("uint32") * 2654435761).astype("uint32") >> 20


def tf_idf(ids: Array, segments: Array, vocab: int, idf: Array | None = None) -> Array:
    """Return the vectors of texts: log(1 + n_c) idf_c, divided by their length.

    n_c is the number of tokens of a text in column c, and with N texts in training of which df_c
    have a token there,

        idf_c = log((1 + N) / (1 + df_c)) + 1

    as scikit-learn's `TfidfTransformer` has it (Salton and Buckley 1988,
    doi:10.1016/0306-4573(88)90021-0, for the weights; the logarithm of counts there is 1 + log n).

    Args:
      ids: int32 [B, N].
      segments: int32 [B, N], 0 for padding.
      vocab: number of ids.
      idf: [C]; None: 1.

    Returns:
      float32 [B, C], C = `columns_of(vocab)`, each row of length 1, or 0 where a text has no token.
    """
    count, size = ids.shape[0], columns_of(vocab)
    rows = jnp.arange(count)[:, None]
    counts = jnp.zeros((count, size)).at[rows, column(ids, vocab)].add(segments > 0)
    weighted = jnp.log1p(counts) * (1.0 if idf is None else jnp.asarray(idf, jnp.float32))
    norm = jnp.sqrt(jnp.square(weighted).sum(axis=1, keepdims=True))
    return weighted / jnp.maximum(norm, 1e-12)
