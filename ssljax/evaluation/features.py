"""Frozen features of a data set: what every probe of this folder is given."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils

from ssljax.errors import UserError
from ssljax.modalities.image import raw_pixels

Batch = Mapping[str, np.ndarray | jax.Array]
Embed = Callable[[Batch], jax.Array]

_IN_FLIGHT = 4  # batches the device may be ahead of the copy to the host


class Features(NamedTuple):
    """Features of a data set, one row per example, sorted by example id."""

    features: np.ndarray  # float32 [N, D]; tokens are [N, T, d]
    # int64 [N], or other targets as they are, such as float32 [N, K]; None if batches carry none
    labels: np.ndarray | None
    ids: np.ndarray  # int64 [N], strictly increasing


def extract(embed: Embed, batches: Iterable[Batch], *, rank: int = 1) -> Features:
    """Embed every example of `batches` once.

    Rows are sorted by id, so that nothing computed from them depends on the order of reading.

    Args:
      embed: maps a batch to features [b, D]; jitted and sharded as the caller likes. It must
        treat the examples of a batch independently.
      batches: dicts of NumPy arrays, or of arrays sharded over hosts, with fields
        [b, ...] and "id" [b]; optionally "label" [b], and "valid" bool [b], False on the rows
        that only fill up the last batch: they are dropped. Every host gets all the features.
      rank: of the features of one example: 1, or 2 for tokens.

    Raises:
      ValueError: `embed` does not return one row per example, or an id occurs twice.
      UserError: there is no example, or a feature is not finite.
    """
    rows, labels, ids, waiting = [], [], [], []
    for batch in batches:
        numbers = on_host(batch["id"])
        valid = on_host(batch["valid"]) if "valid" in batch else np.ones(len(numbers), bool)
        ids.append(numbers[valid].astype(np.int64))
        if "label" in batch:
            labels.append(_targets(on_host(batch["label"])[valid]))
        waiting.append((embed(batch), valid))
        if len(waiting) > _IN_FLIGHT:
            rows.append(_valid_rows(*waiting.pop(0), rank))
    rows += [_valid_rows(*item, rank) for item in waiting]
    if not sum(map(len, ids)):
        raise UserError("there is no example to evaluate: the data set's split is empty")
    if labels and len(labels) != len(ids):
        raise ValueError("some batches have labels and some have none")
    return _sorted_by_id(rows, labels, ids)


def input_features(batch: Batch) -> jax.Array:
    """Return the pixels of a batch's images, [b, D]: the baseline without a network."""
    return raw_pixels(batch["image"])


def on_host(array: jax.Array | np.ndarray) -> np.ndarray:
    """Return an array as NumPy has it, also one that is sharded over hosts."""
    if isinstance(array, jax.Array) and not array.is_fully_addressable:
        return multihost_utils.process_allgather(array, tiled=True)
    return np.asarray(array)


def _targets(labels: np.ndarray) -> np.ndarray:
    return labels.astype(np.int64) if labels.ndim == 1 and labels.dtype.kind in "iu" else labels


def _valid_rows(features: jax.Array, valid: np.ndarray, rank: int) -> np.ndarray:
    features = on_host(features).astype(np.float32)
    if features.ndim != rank + 1 or len(features) != len(valid):
        raise ValueError(
            f"embed returned shape {features.shape} for a batch of {len(valid)} examples; "
            f"expected ({len(valid)}, {'D' if rank == 1 else '...'})"
        )
    return features[valid]


def _sorted_by_id(rows: list, labels: list, ids: list) -> Features:
    ids = np.concatenate(ids)
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    if (ids[1:] == ids[:-1]).any():
        twice = ids[1:][ids[1:] == ids[:-1]][0]
        raise ValueError(f"example id {twice} occurs twice; padding must be marked in 'valid'")
    features = np.concatenate(rows)[order]
    finite = np.isfinite(features.reshape(len(ids), -1)).all(axis=1)
    if not finite.all():
        raise UserError(
            f"the features of {int((~finite).sum())} of {len(ids)} examples are not finite "
            f"(first ids: {', '.join(map(str, ids[~finite][:5]))}); the encoder has diverged"
        )
    return Features(features, np.concatenate(labels)[order] if labels else None, ids)
