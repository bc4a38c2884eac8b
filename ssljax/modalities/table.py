"""Rows of tables: float32 [columns]; a category is a whole number from 0."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.losses import masked_columns
from ssljax.modalities.base import Array, Modality, is_local, weak_of
from ssljax.ops import degrade
from ssljax.ops.augment import SCARF, multi_corrupt
from ssljax.ops.augment.table import corrupted
from ssljax.ops.columns import raw_columns

STRONG = 0.6  # SCARF's rate
WEAK = 0.3


class Table(Modality):
    """SCARF corruption; numeric columns are standardised, categories stay numbers.

    The columns of a view are drawn from the rows of its own global batch, which are a random part
    of the training set. SCARF draws from the whole training set: the same distribution on average,
    without a copy of the data on every device.
    """

    view = SCARF
    encoder = "table_transformer"

    def like(self, groups, field):
        """Return a clean and a corrupted view of two, as SCARF has; else as many corrupted ones.

        A single view is the row as it is. Of two that have names, the clean one is the view of
        images that is cropped and mirrored alone, if there is one.
        """
        counts = {name: fields.get("count", 1) for name, fields in groups.items()}
        total = sum(counts.values())
        if total == 2 and (weak := weak_of(groups)):
            return {name: {"rate": 0.0 if name in weak else STRONG} for name in groups}
        if total <= 2:
            views = {"clean": {"rate": 0.0}, "corrupted": {"rate": STRONG}}
            return views if total == 2 else {"clean": views["clean"]}
        return {
            name: {"count": count, "rate": STRONG if is_local(groups[name]) else WEAK}
            for name, count in counts.items()
        }

    def complete(self, fields, field):
        columns, rate = field.shape[0], fields.get("rate", SCARF.rate)
        if isinstance(rate, float) and 0 < rate <= 1 and not 0 < corrupted(rate, columns) < columns:
            raise ValueError(
                f"rate={rate} corrupts {corrupted(rate, columns)} of {columns} columns; it must "
                "corrupt some and leave some, or be 0"
            )
        return dict(fields)

    def views(self, views, keys, value, field):
        made = multi_corrupt(views, keys, value, value)
        return {name: self.normalize(made[name], field) for name in made}

    def normalize(self, value, field):
        """Return (values - mean) / std of numeric columns, categories as they are."""
        mean, std = _units(field)
        return (value - mean) / std

    def restore(self, value, field):
        mean, std = _units(field)
        return value * std + mean

    def plain(self, value, field):
        return self.normalize(jnp.asarray(value, jnp.float32), field)

    def reconstruction(self, field, encoder, normalize):
        return ColumnReconstruction(field.cardinalities)

    def corruptions(self, field):
        """Return replaced cells."""

        def replaced(keys, value, strength, bank):
            rows, bank = jnp.asarray(value), jnp.asarray(bank)
            run = jax.vmap(degrade.table_replaced_cells, in_axes=(0, 0, None, None))
            return run(keys, rows, strength, bank)

        return {"replaced_cells": replaced}

    def raw(self, value, field):
        """Return standardised numeric columns and one-hot categories."""
        return raw_columns(value, field.cardinalities, field.mean, field.std)


def _units(field) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of the numeric columns, 0 and 1 of categories."""
    numeric = np.asarray(field.cardinalities) == 0
    mean = np.where(numeric, np.asarray(field.mean), 0.0).astype(np.float32)
    return mean, np.where(numeric, np.asarray(field.std), 1.0).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class ColumnReconstruction:
    """The squared error of numeric columns, cross entropy of categories.

    Attributes:
      cardinalities: categories of each column, 0 for a numeric one.
    """

    cardinalities: tuple[int, ...]

    @property
    def out(self) -> int:
        """The scores of the column with most categories; a numeric column takes the first."""
        return max(1, *self.cardinalities)

    def target(self, x: Array) -> Array:
        """Return [B, M], the normalised row itself."""
        return x

    def loss(self, prediction: Array, x: Array, where: Array) -> Array:
        """Return [B], the mean of the errors of hidden columns."""
        return masked_columns(prediction, x, cardinalities=self.cardinalities, where=where)
