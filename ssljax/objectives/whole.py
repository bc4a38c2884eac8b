"""What evaluation sees of whole examples, of which an encoder is perhaps shown several parts."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ssljax.modalities import modality_of
from ssljax.objectives.base import Objective
from ssljax.spec import Batch

PyTree = Any


def outputs_of(objective: Objective, params: PyTree, state: PyTree, batch: Batch) -> dict:
    """Return `objective.outputs`, averaged over the parts of each example, such as its clips."""
    order: list[str] = []  # mapped over, a dict comes back in the order of its keys

    def see(batch: Batch) -> dict:
        found = objective.outputs(params, state, batch)
        order.extend(found)
        return found

    found = averaged(objective, batch, see)
    return {name: found[name] for name in order}


def averaged(objective: Objective, batch: Batch, see: Callable[[Batch], PyTree]) -> PyTree:
    """Return what a function gives of a batch, averaged over the parts of each example.

    Args:
      objective: whose data the batch is of.
      batch: arrays by field; of a field with parts [B, parts, ...].
      see: gives arrays [b, ...] of a batch of b examples, each by itself.
    """
    fields = objective.run.spec.fields
    inputs = {n: f for n, f in fields.items() if n in batch and f.modality != "label"}
    parts = {name: modality_of(field).parts(batch[name]) for name, field in inputs.items()}
    count = max(parts.values(), default=1)
    if count == 1:
        return see(batch)

    def fold(name: str, value: PyTree) -> PyTree:
        if parts.get(name, 1) == count:
            return jax.tree.map(lambda one: one.reshape(-1, *one.shape[2:]), value)
        return jax.tree.map(lambda one: jnp.repeat(one, count, axis=0), value)

    found = see({name: fold(name, value) for name, value in batch.items()})
    return jax.tree.map(lambda one: one.reshape(-1, count, *one.shape[1:]).mean(axis=1), found)
