"""`npz:PATH` with series, tables or videos instead of images.

The keys are those of images with another name of the field: one file with `train_series`,
`train_label`, `test_series`, ...; a folder with one file per split, each with `series` and `label`;
or one file with just `series` and `label`, which is all train.

    series         float [n, T, C] or [n, T]; NaN after the end of a series and where a value is
                   missing
    table          float [n, M]; a missing number is NaN, which becomes the mean of its column
    video          uint8 [n, T, H, W, C] or [n, T, H, W]
    cardinalities  int [M], only with a table: the number of categories of each column, 0 for a
                   numeric one. Categories are numbered from 0. Without it all columns are numeric.
    label          integers from 0, strings, or other targets than classes, see `targets`
    group          integers or strings [n]: who or what each example is of, such as a person
"""

import pathlib
from collections.abc import Mapping

import numpy as np

from ssljax.data.series import series_field
from ssljax.data.sources import labels, targets
from ssljax.data.sources.arrays import Arrays
from ssljax.data.sources.npz import checked_groups, load_arrays
from ssljax.data.sources.paths import existing, train_split
from ssljax.data.tables import Column, table_field
from ssljax.errors import UserError
from ssljax.spec import Field

FIELDS = ("series", "table", "video")
_KEYS = (*FIELDS, "label", "cardinalities", "group")
_RANKS = {"series": (2, 3), "table": (2,), "video": (4, 5)}
_SHAPES = {
    "series": "[n, T, C] or [n, T]",
    "table": "[n, M]",
    "video": "[n, T, H, W, C] or [n, T, H, W]",
}


def holds_fields(path: str) -> bool:
    """Say whether an npz file, or a file of the folder, has series, a table or videos.

    Raises:
      UserError: there is no such file, or it is damaged.
    """
    root = existing(path, "npz file or folder")
    files = sorted(root.glob("*.npz")) if root.is_dir() else [root]
    return any(load_arrays(file, lambda key: key.rpartition("_")[2] in FIELDS) for file in files)


def read_npz(path: str) -> Arrays:
    """Return all splits of the series, the table or the videos.

    Raises:
      UserError: the arrays are of a wrong form; the message names the file and the array.
    """
    root = existing(path, "npz file or folder")
    splits = _splits(root)
    train = train_split(splits, str(root))
    names = [name for name in FIELDS if name in splits[train]]
    if len(names) != 1:
        raise UserError(f"the training split of {root} must have one of series, table and video")
    name = names[0]
    found = {split: _checked(arrays, name, f"{root}, {split}") for split, arrays in splits.items()}
    shapes = {split: arrays[name].shape[1:] for split, arrays in found.items()}
    if len(set(shapes.values())) > 1:
        raise UserError(f"the splits of {root} differ in the shape of {name}: {shapes}")
    classes = _number_labels(found, str(root))
    if name == "video":
        return Arrays(found, {name: Field("video", found[train][name].shape[1:], "uint8")}, classes)
    if name == "series":
        return Arrays(found, {name: series_field(found[train][name])}, classes)
    columns = _columns(splits[train].get("cardinalities"), found[train][name], str(root))
    for split, arrays in found.items():
        _fill(arrays[name], columns, f"{root}, {split}")
    return Arrays(found, {name: table_field(found[train][name], columns)}, classes, columns)


def _splits(root: pathlib.Path) -> dict[str, dict[str, np.ndarray]]:
    if root.is_dir():
        return {
            file.stem: load_arrays(file, lambda key: key in _KEYS)
            for file in sorted(root.glob("*.npz"))
        }
    splits: dict[str, dict[str, np.ndarray]] = {}
    for key, array in load_arrays(root, lambda key: key.rpartition("_")[2] in _KEYS).items():
        split, _, name = key.rpartition("_")
        splits.setdefault(split or "train", {})[name] = array
    return splits


def _checked(arrays: Mapping[str, np.ndarray], name: str, what: str) -> dict[str, np.ndarray]:
    if name not in arrays:
        raise UserError(f"{what} has no array {name!r}")
    values = arrays[name]
    if values.dtype.kind not in "fiub" or values.ndim not in _RANKS[name] or 0 in values.shape:
        raise UserError(
            f"{name} of {what} must be numbers of the shape {_SHAPES[name]}, not {values.dtype} of "
            f"{values.shape}"
        )
    if name == "video" and values.dtype != np.uint8:
        raise UserError(f"video of {what} must be uint8, not {values.dtype}")
    if name != "video":
        with np.errstate(over="ignore"):
            values = values.astype(np.float32)
        if np.isinf(values).any():
            raise UserError(f"{name} of {what} holds infinite numbers, or numbers beyond 32 bits")
    if values.ndim == min(_RANKS[name]) < max(_RANKS[name]):
        values = values[..., None]
    found = {name: values}
    if "label" in arrays:
        own = arrays["label"]
        if own.shape[:1] != (len(values),) or own.ndim > 2:
            raise UserError(
                f"label of {what} must be one for each of {len(values)} examples, its shape is "
                f"{own.shape}"
            )
        found["label"] = own
    if "group" in arrays:
        found["group"] = checked_groups(arrays["group"], len(values), what)
    return found


def _number_labels(splits: Mapping[str, dict[str, np.ndarray]], what: str) -> tuple[str, ...]:
    """Make labels what batches hold, and return the names of the classes, () if they are none."""
    own = {split: arrays["label"] for split, arrays in splits.items() if "label" in arrays}
    if not own:
        return ()
    if any(map(labels.are_names, own.values())):
        if not all(map(labels.are_names, own.values())):
            raise UserError(f"some splits of {what} have strings as labels, and some numbers")
        flat = {split: array.ravel() for split, array in own.items()}
        names = labels.class_names(flat.values())
        numbers = {
            split: labels.numbers_of(array, names).astype(np.int32) for split, array in flat.items()
        }
    else:
        about = f"label of {what}"
        kind = targets.kind_of_arrays([*own.values()], about)
        numbers = {split: targets.as_targets(array, kind, about) for split, array in own.items()}
        names = []
        if kind == "class":
            names = [str(n) for n in range(1 + max(int(one.max()) for one in numbers.values()))]
    for split, array in numbers.items():
        splits[split]["label"] = array
    return tuple(names)


def _columns(cardinalities: np.ndarray | None, train: np.ndarray, what: str) -> tuple[Column, ...]:
    count = train.shape[1]
    if cardinalities is None:
        cardinalities = np.zeros(count, int)
    if cardinalities.shape != (count,) or cardinalities.dtype.kind not in "iu":
        raise UserError(
            f"cardinalities of {what} must be whole numbers, one for each of {count} columns"
        )
    if cardinalities.min() < 0:
        raise UserError(f"cardinalities of {what} must be 0 or more, one is {cardinalities.min()}")
    empty = np.isnan(train).all(axis=0)
    if empty.any():
        raise UserError(f"column {int(np.argmax(empty))} of {what} has no value")
    means = np.nanmean(train, axis=0, dtype=np.float64)
    return tuple(
        Column(str(i), tuple(map(str, range(size))), 0.0 if size else float(means[i]))
        for i, size in enumerate(cardinalities.tolist())
    )


def _fill(table: np.ndarray, columns: tuple[Column, ...], what: str) -> None:
    for i, column in enumerate(columns):
        values = table[:, i]
        places = len(column.categories)
        if not places:
            values[np.isnan(values)] = column.fill
        elif not np.isin(values, np.arange(places)).all():
            raise UserError(
                f"column {i} of {what} must hold whole numbers from 0 to {places - 1}, the places "
                "of its categories"
            )
