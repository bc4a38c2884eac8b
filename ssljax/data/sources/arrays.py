"""A data set held as arrays, and the one npz file that a preparation writes of it."""

import dataclasses
import json
import pathlib
from collections.abc import Mapping

import numpy as np

from ssljax.data.sources.npz import load_arrays
from ssljax.data.sources.tokenized import objects
from ssljax.data.tables import Column
from ssljax.errors import UserError
from ssljax.spec import Field, Spec

_DESCRIPTION = "description"  # the key of the JSON beside the arrays


@dataclasses.dataclass(frozen=True)
class Arrays:
    """A data set as arrays, by split.

    Attributes:
      splits: by name of the split, the arrays by name of the field, and "label" int32[n] where
        there are labels, "group" (or "subject") [n] where it is known who they are of. Series hold
        NaN after their ends and where a value is missing. Texts are strings as objects,
        sounds waves int16 [S] or tuples of such.
      fields: by name, without the label; their statistics are those of the training split.
      class_names: by label; () without labels.
      columns: of the table; () of series.
    """

    splits: Mapping[str, Mapping[str, np.ndarray]]
    fields: Mapping[str, Field]
    class_names: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()


def save(arrays: Arrays, file: pathlib.Path) -> None:
    """Write a data set: the arrays as SPLIT_FIELD, and a JSON that describes them."""
    examples = arrays.splits["train"][next(iter(arrays.fields))]
    described = {
        "spec": Spec(arrays.fields, len(examples)).to_json(),
        "class_names": arrays.class_names,
        "columns": [dataclasses.asdict(column) for column in arrays.columns],
    }
    flat = {
        key: array
        for split, named in arrays.splits.items()
        for name, own in named.items()
        for key, array in _stored(f"{split}_{name}", own).items()
    }
    np.savez(file, **{_DESCRIPTION: np.array(json.dumps(described))}, **flat)


# Of the keys of texts, of waves, one after another, of where each ends, and of how many waves an
# example has.
_BYTES, _WAVES, _ENDS, _COUNTS = ".utf8", ".int16", ".ends", ".counts"


def _stored(key: str, array: np.ndarray) -> dict[str, np.ndarray]:
    """Return an array, or strings or waves of any lengths, as arrays of fixed types."""
    if array.dtype != object:
        return {key: array}
    if isinstance(array[0], tuple):
        waves = [wave for several in array for wave in several]
        counts = np.array([*map(len, array)], np.int64)
        return {**_stored(key, objects(waves)), key + _COUNTS: counts}
    if isinstance(array[0], np.ndarray):
        ends = np.cumsum([*map(len, array)], dtype=np.int64)
        return {key + _WAVES: np.concatenate(array), key + _ENDS: ends}
    encoded = [text.encode() for text in array]
    ends = np.cumsum([*map(len, encoded)], dtype=np.int64)
    return {key + _BYTES: np.frombuffer(b"".join(encoded), np.uint8), key + _ENDS: ends}


def _read(named: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays of a split with the strings and waves that `_stored` took apart."""
    found = {}
    for name, array in named.items():
        if name.endswith(_BYTES):
            data, key = array.tobytes(), name.removesuffix(_BYTES)
            ends = named[key + _ENDS].tolist()
            starts = [0, *ends][: len(ends)]
            texts = [data[a:b].decode() for a, b in zip(starts, ends, strict=True)]
            found[key] = objects(texts)
        elif name.endswith(_WAVES):
            key = name.removesuffix(_WAVES)
            waves = np.split(array, named[key + _ENDS][:-1])
            if key + _COUNTS in named:
                ends = np.cumsum(named[key + _COUNTS]).tolist()
                starts = [0, *ends[:-1]]
                waves = [tuple(waves[a:b]) for a, b in zip(starts, ends, strict=True)]
            found[key] = objects(waves)
        elif not name.endswith((_ENDS, _COUNTS)):
            found[name] = array
    return found


def load(file: pathlib.Path) -> Arrays:
    """Read what `save` wrote.

    Raises:
      UserError: the file is damaged.
    """
    flat = load_arrays(file)
    try:
        described = json.loads(str(flat.pop(_DESCRIPTION)))
        splits: dict[str, dict[str, np.ndarray]] = {}
        for key, array in flat.items():
            split, _, name = key.partition("_")
            splits.setdefault(split, {})[name] = array
        splits = {split: _read(named) for split, named in splits.items()}
        columns = tuple(
            Column(one["name"], tuple(one["categories"]), one["fill"])
            for one in described["columns"]
        )
        fields = Spec.from_json(described["spec"]).fields
        return Arrays(splits, fields, tuple(described["class_names"]), columns)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{file} is damaged or was written by another version ({error}); remove it and prepare "
            "the data set again"
        ) from error
