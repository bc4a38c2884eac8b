"""Weighted k-nearest-neighbour classification of frozen features."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.errors import UserError

_QUERIES = 1_024  # that are compared at once


class Neighbours(NamedTuple):
    """Outcome of the k-NN classifier on a labelled test set."""

    accuracy: float
    predictions: np.ndarray  # int64 [M], in the label values of the bank


def knn_accuracy(
    bank: np.ndarray,
    bank_labels: np.ndarray,
    queries: np.ndarray,
    query_labels: np.ndarray,
    *,
    k: int = 20,
    temperature: float = 0.07,
    block: int = 16_384,
) -> Neighbours:
    """Classify `queries` by a weighted vote of their k nearest rows of `bank`.

        score_c(q) = sum_{i in the k most similar} [label_i = c] exp(cos(q, x_i) / temperature)

    Exact: every similarity is computed, in float32. Of rows equally similar at the k-th place
    the one earlier in the bank counts; of classes with an equal score the smallest label wins.
    A zero vector has cosine 0 with everything.

    The bank may be larger than the memory of a device: it goes there `block` rows at a time, and
    of each query only the k nearest rows so far are kept.

    Args:
      bank: float [N, D], the training features.
      bank_labels: int [N].
      queries: float [M, D], the test features.
      query_labels: int [M]; a label that the bank lacks counts as an error.
      k: number of neighbours, 1 <= k <= N.
      temperature: > 0; the smaller, the more the nearest neighbours dominate.
      block: rows of the bank that are compared at once; the result does not depend on it. The
        similarities of a block with 1,024 queries are held, 4,096 * block bytes.

    Raises:
      ValueError: shapes do not fit; as its subclass UserError: k or temperature out of range.

    Wu et al., Unsupervised Feature Learning via Non-Parametric Instance Discrimination (2018),
    section 3.4, as in the official code of NPID and DINO (k 200 and 20, temperature 0.07).
    """
    bank, queries = np.asarray(bank, np.float32), np.asarray(queries, np.float32)
    _check(bank, bank_labels, queries, query_labels, k, temperature)
    classes, index = np.unique(np.asarray(bank_labels), return_inverse=True)
    similarity, rows = _nearest(bank, queries, k, min(block, len(bank)))
    votes = _vote(similarity, index[rows], len(classes), temperature)
    predictions = classes[np.asarray(votes)]
    return Neighbours(float(np.mean(predictions == np.asarray(query_labels))), predictions)


def _nearest(
    bank: np.ndarray, queries: np.ndarray, k: int, block: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the cosines and the numbers of the k nearest rows of each query, [M, k] each."""
    size = min(_QUERIES, len(queries))
    parts = -(-len(queries) // size)
    filled = np.pad(queries, ((0, parts * size - len(queries)), (0, 0)))
    asked = _unit(jnp.asarray(filled)).reshape(parts, size, -1)
    nearest = jnp.full((parts, size, k), -jnp.inf), jnp.zeros((parts, size, k), jnp.int32)
    for start in range(0, len(bank), block):
        part = bank[start : start + block]
        # The last block is filled up, so that one program serves all.
        count, part = len(part), np.pad(part, ((0, block - len(part)), (0, 0)))
        nearest = _nearer(nearest, asked, part, start, count, k)
        jax.block_until_ready(nearest)  # else all blocks would wait in memory for their turn
    similarity, rows = (np.asarray(x).reshape(parts * size, k)[: len(queries)] for x in nearest)
    return similarity, rows


def _unit(rows: jax.Array) -> jax.Array:
    # Dividing by the largest entry first keeps the squares from over- and underflowing.
    largest = jnp.max(jnp.abs(rows), axis=1, keepdims=True)
    rows = rows / jnp.where(largest > 0, largest, 1)
    norm = jnp.linalg.norm(rows, axis=1, keepdims=True)
    return rows / jnp.where(norm > 0, norm, 1)


@jax.jit(static_argnums=5, donate_argnums=0)
def _nearer(nearest, queries, part, start, count, k: int):
    """Return the k nearest rows of those before and of a part of the bank."""
    part = _unit(part)

    def merge(one):
        (similarity, rows), asked = one
        here = jnp.matmul(asked, part.T, precision="highest")
        here = jnp.where(jnp.arange(len(part)) < count, here, -jnp.inf)
        here, at = jax.lax.top_k(here, min(k, len(part)))
        # The rows before come first: of equal similarities top-k takes the first.
        here = jnp.concatenate([similarity, here], axis=1)
        rows = jnp.concatenate([rows, at + start], axis=1)
        similarity, chosen = jax.lax.top_k(here, k)
        return similarity, jnp.take_along_axis(rows, chosen, axis=1)

    return jax.lax.map(merge, (nearest, queries))


@jax.jit(static_argnums=2)
def _vote(similarity, labels, classes: int, temperature):
    # Relative to the nearest: the same vote, and exp cannot overflow at a low temperature.
    weight = jnp.exp((similarity - similarity[:, :1]) / temperature)
    scores = jnp.zeros((len(labels), classes)).at[jnp.arange(len(labels))[:, None], labels]
    return jnp.argmax(scores.add(weight), axis=1)


def _check(bank, bank_labels, queries, query_labels, k, temperature) -> None:
    for name, rows, labels in (("bank", bank, bank_labels), ("queries", queries, query_labels)):
        if rows.ndim != 2 or np.shape(labels) != (len(rows),) or not len(rows):
            raise ValueError(
                f"{name} must be [n, D] with n >= 1 and n labels; "
                f"got {rows.shape} and labels {np.shape(labels)}"
            )
    if bank.shape[1] != queries.shape[1]:
        raise ValueError(f"bank has {bank.shape[1]} dimensions, queries have {queries.shape[1]}")
    if not 1 <= k <= len(bank):
        raise UserError(f"k must be between 1 and the {len(bank)} rows of the bank; got {k}")
    if not temperature > 0:
        raise UserError(f"temperature must be above 0; got {temperature}")
