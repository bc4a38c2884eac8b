"""Weighted k-nearest-neighbour classification of frozen features."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.errors import UserError


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
    block: int | None = None,
) -> Neighbours:
    """Classify `queries` by a weighted vote of their k nearest rows of `bank`.

        score_c(q) = sum_{i in the k most similar} [label_i = c] exp(cos(q, x_i) / temperature)

    Exact: every similarity is computed, in float32. Of rows equally similar at the k-th place
    the one earlier in the bank counts; of classes with an equal score the smallest label wins.
    A zero vector has cosine 0 with everything.

    Args:
      bank: float [N, D], the training features.
      bank_labels: int [N].
      queries: float [M, D], the test features.
      query_labels: int [M]; a label that the bank lacks counts as an error.
      k: number of neighbours, 1 <= k <= N.
      temperature: > 0; the smaller, the more the nearest neighbours dominate.
      block: queries compared at once; the result does not depend on it, the memory needed is
        about 4 * block * (N + classes) bytes. None chooses a block of about 64 MiB.

    Raises:
      ValueError: shapes do not fit; as its subclass UserError: k or temperature out of range.

    Wu et al., Unsupervised Feature Learning via Non-Parametric Instance Discrimination (2018),
    section 3.4, as in the official code of NPID and DINO (k 200 and 20, temperature 0.07).
    """
    bank, queries = jnp.asarray(bank, jnp.float32), jnp.asarray(queries, jnp.float32)
    _check(bank, bank_labels, queries, query_labels, k, temperature)
    classes, index = np.unique(np.asarray(bank_labels), return_inverse=True)
    block = block or max(1, 2**24 // (len(bank) + len(classes)))
    block = min(block, len(queries))
    bank, index = _unit(bank), jnp.asarray(index)

    votes = []
    for start in range(0, len(queries), block):
        part = queries[start : start + block]
        short = block - len(part)  # the last block is filled up, so that one program serves all
        part = jnp.pad(part, ((0, short), (0, 0)))
        vote = _vote(part, bank, index, k, len(classes), temperature)
        votes.append(vote[: block - short])
    predictions = classes[np.concatenate([np.asarray(vote) for vote in votes])]
    return Neighbours(float(np.mean(predictions == np.asarray(query_labels))), predictions)


def _unit(rows: jax.Array) -> jax.Array:
    # Dividing by the largest entry first keeps the squares from over- and underflowing.
    largest = jnp.max(jnp.abs(rows), axis=1, keepdims=True)
    rows = rows / jnp.where(largest > 0, largest, 1)
    norm = jnp.linalg.norm(rows, axis=1, keepdims=True)
    return rows / jnp.where(norm > 0, norm, 1)


@jax.jit(static_argnums=(3, 4))
def _vote(queries, bank, labels, k: int, classes: int, temperature):
    similarity = jnp.matmul(_unit(queries), bank.T, precision="highest")
    nearest, rows = jax.lax.top_k(similarity, k)
    # Relative to the nearest: the same vote, and exp cannot overflow at a low temperature. Its
    # maximum rather than its first column: slicing it turns XLA's top-k into a full sort.
    weight = jnp.exp((nearest - jnp.max(nearest, axis=1, keepdims=True)) / temperature)
    scores = jnp.zeros((len(queries), classes)).at[jnp.arange(len(queries))[:, None], labels[rows]]
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
