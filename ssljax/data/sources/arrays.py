"""A data set held as arrays, and the one npz file that a preparation writes of it."""

import dataclasses
import json
import pathlib
from collections.abc import Mapping

import numpy as np

from ssljax.data.sources.npz import load_arrays
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
        NaN after their ends and where a value is missing.
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
        f"{split}_{name}": array
        for split, named in arrays.splits.items()
        for name, array in named.items()
    }
    np.savez(file, **{_DESCRIPTION: np.array(json.dumps(described))}, **flat)


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
