"""Corruption of rows of a table: cells replaced by what other rows have in the same column."""

import dataclasses
import math
import zlib
from collections.abc import Mapping

import jax
import jax.numpy as jnp


@dataclasses.dataclass(frozen=True)
class SCARF:
    """One kind of view of a row: floor(rate M) of its M columns are drawn anew.

    Each is replaced by the value of that column in a random row of the training set, that is, by a
    draw from the column's empirical marginal distribution. Works for numbers and categories alike.

    Attributes:
      rate: the share of columns, from 0, none, to 1; the paper's is 0.6.
      count: how many such views of each row.

    Raises:
      ValueError: a field is outside its range.

    SCARF, Bahri et al. 2021, https://arxiv.org/abs/2106.15147 (algorithm 1). There is no official
    code.
    """

    rate: float = 0.6
    count: int = 1

    size = 0  # all views of a row have its columns; images and series have views of several sizes

    def __post_init__(self):
        if not 0 <= self.rate <= 1:
            raise ValueError(f"rate={self.rate!r} must be from 0 to 1")
        if self.count < 1:
            raise ValueError(f"count={self.count!r} must be at least 1")

    def apply(self, key: jax.Array, row: jax.Array, bank: jax.Array) -> jax.Array:
        """Return one view [M] of a row [M]; `bank`, [R, M], has rows of the training set."""
        where_key, what_key = jax.random.split(key)
        columns = row.shape[0]
        chosen = jax.random.permutation(where_key, columns) < corrupted(self.rate, columns)
        return jnp.where(chosen, drawn_from(what_key, bank), row)


def corrupted(rate: float, columns: int) -> int:
    """Return how many columns of a row a view of that rate replaces."""
    # Rounded first: in floating point 0.29 * 100 is below 29.
    return math.floor(round(rate * columns, 6))


def multi_corrupt(
    views: Mapping[str, SCARF], keys: jax.Array, rows: jax.Array, bank: jax.Array
) -> dict[str, jax.Array]:
    """Make every view of every row of a batch.

    Args:
      views: any number of kinds of view, by name.
      keys: one random key per example, [B]. The draws of a kind of view depend on its name and the
        example's key alone.
      rows: [B, M].
      bank: [R, M], rows of the training set, whose columns are drawn from. A batch is such: it is a
        random part of it. Of validation or test rows nothing may be among them.

    Returns:
      {name: [B, count, M]}.

    Raises:
      ValueError: keys and rows differ in number, or bank and rows in their columns.

    >>> rows = jnp.arange(12.0).reshape(3, 4)
    >>> keys = jax.random.split(jax.random.key(0), 3)
    >>> views = multi_corrupt({"corrupted": SCARF(rate=0.5, count=2)}, keys, rows, rows)
    >>> views["corrupted"].shape
    (3, 2, 4)
    """
    _check(keys, rows, bank)

    def make(key, row):
        made = {}
        for name, view in views.items():
            own = jax.random.split(jax.random.fold_in(key, zlib.crc32(name.encode())), view.count)
            made[name] = jax.vmap(view.apply, in_axes=(0, None, None))(own, row, bank)
        return made

    return jax.vmap(make)(keys, rows)


def vime_corruption(
    keys: jax.Array, rows: jax.Array, bank: jax.Array, *, rate: float
) -> tuple[jax.Array, jax.Array]:
    """Replace each cell, with a probability, by one of its column, and say which differ (VIME).

    The official code shuffles each column of its data; here each cell is drawn by itself, which has
    the same distribution and makes the draw for an example independent of the other examples' keys.

    Args:
      keys: one random key per example, [B].
      rows: [B, M].
      bank: [R, M], as for `multi_corrupt`.
      rate: the probability, from 0 to 1; the paper's is 0.3.

    Returns:
      The corrupted rows [B, M], and bool[B, M], True where a cell differs from the original: a
      column in which most rows agree is mostly not.

    Raises:
      ValueError: keys, rows and bank do not fit, or the rate is out of range.

    VIME, Yoon et al. 2020 (NeurIPS 33), equation 3; jsyoon0823/VIME, vime_utils.py
    (pretext_generator).

    >>> rows = jnp.ones((2, 4))
    >>> corrupted, mask = vime_corruption(
    ...     jax.random.split(jax.random.key(0), 2), rows, rows, rate=1.0)
    >>> bool(mask.any())  # all rows are equal
    False
    """
    _check(keys, rows, bank)
    if not 0 <= rate <= 1:
        raise ValueError(f"rate={rate!r} must be from 0 to 1")

    def corrupt(key, row):
        where_key, what_key = jax.random.split(key)
        chosen = jax.random.bernoulli(where_key, rate, row.shape)
        return jnp.where(chosen, drawn_from(what_key, bank), row)

    corrupted = jax.vmap(corrupt)(keys, rows)
    return corrupted, corrupted != rows


def drawn_from(key: jax.Array, bank: jax.Array) -> jax.Array:
    """Return a row [M] whose every cell is that of a random row of bank[R, M]."""
    at = jax.random.randint(key, bank.shape[1:], 0, len(bank))
    return jnp.take_along_axis(bank, at[None], axis=0)[0]


def _check(keys: jax.Array, rows: jax.Array, bank: jax.Array) -> None:
    if keys.ndim != 1 or rows.ndim != 2 or len(keys) != len(rows):
        raise ValueError(
            f"keys must have shape [B] and rows [B, M], got {list(keys.shape)} and "
            f"{list(rows.shape)}"
        )
    if bank.ndim != 2 or bank.shape[1] != rows.shape[1] or not len(bank):
        raise ValueError(
            f"bank must have shape [R, {rows.shape[1]}] with R at least 1, got {list(bank.shape)}"
        )
