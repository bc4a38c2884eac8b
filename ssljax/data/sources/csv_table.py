"""`csv:PATH`: a table of numbers and categories, with a header.

PATH is one file, which is all train, or a folder with one file per split: `train.csv`, `test.csv`.
Cells are separated by commas, by tabs in `.tsv` files. Options follow a question mark:

    csv:people.csv?label=income            the column `income` is the class, not a part of the table
    csv:homes.csv?target=price,rent        these columns are numbers to regress, likewise left out
    csv:people.csv?drop=id,name            these columns are left out
    csv:people.csv?category=postcode       numbers that name something are categories

A column is numeric if all its training values are numbers, else it holds categories. A cell that is
empty, `?`, `NA`, `N/A`, `NaN` or `null` is missing: as a number it becomes the training mean, as a
category one of its own, as is a category that the training examples do not have.
"""

import csv
import pathlib
import urllib.parse

import numpy as np

from ssljax.data.sources.arrays import Arrays
from ssljax.data.sources.labels import class_names, numbers_of
from ssljax.data.sources.paths import existing, train_split
from ssljax.data.tables import BLANKS, encode, find_columns, is_number, table_field
from ssljax.errors import UserError, unknown

_OPTIONS = ("label", "target", "drop", "category")
_SEPARATORS = {".csv": ",", ".tsv": "\t"}
Cells = dict[str, tuple[str, ...]]  # by column


def read_csv(rest: str) -> Arrays:
    """Return all splits of a table; the columns are those of its training split.

    Args:
      rest: of the source's name: PATH, perhaps with ?KEY=VALUE&KEY=VALUE.

    Raises:
      UserError: a file or a column is missing or damaged; the message names it.
    """
    path, options = _parse(rest)
    root = existing(path, "CSV file or folder")
    cells = {split: _read(file) for split, file in _files(root).items()}
    train = train_split(cells, str(root))
    for key, names in options.items():
        _require_columns(names, cells[train], f"{root}, {key}")
    left_out = {*options["label"], *options["target"], *options["drop"]}
    kept = {name: column for name, column in cells[train].items() if name not in left_out}
    if not kept:
        raise UserError(f"no column of {root} is left for the table")
    try:
        columns = find_columns(kept, options["category"])
        splits = {split: {"table": encode(one, columns)} for split, one in cells.items()}
    except UserError as error:
        raise UserError(f"{root}: {error}") from error
    names: list[str] = []
    for label in options["label"]:
        labels = {split: _labels(one, label, f"{root}, {split}") for split, one in cells.items()}
        names = class_names(labels.values())
        for split, own in labels.items():
            splits[split]["label"] = numbers_of(own, names).astype(np.int32)
    if options["target"]:
        for split, one in cells.items():
            numbers = [_numbers(one, name, f"{root}, {split}") for name in options["target"]]
            splits[split]["label"] = np.stack(numbers, axis=1)
    field = table_field(splits[train]["table"], columns)
    return Arrays(splits, {"table": field}, tuple(names), columns)


def _parse(rest: str) -> tuple[str, dict[str, list[str]]]:
    path, _, query = rest.partition("?")
    found = urllib.parse.parse_qs(query, keep_blank_values=True)
    for key in found:
        if key not in _OPTIONS:
            raise unknown("option of a csv: source", key, _OPTIONS)
    options = {
        key: [name for value in found.get(key, []) for name in value.split(",")] for key in _OPTIONS
    }
    if len(options["label"]) > 1:
        raise UserError(f"a table has one label column, not {', '.join(options['label'])}")
    if options["label"] and options["target"]:
        raise UserError(
            "a csv: source has either a label, the column of the class, or targets to regress"
        )
    return path, options


def _require_columns(names: list[str], cells: Cells, what: str) -> None:
    for name in names:
        if name not in cells:
            raise UserError(f"{what}: {unknown('column', name, cells)}")


def _files(root: pathlib.Path) -> dict[str, pathlib.Path]:
    if root.is_file():
        return {"train": root}
    files = {file.stem: file for file in sorted(root.iterdir()) if file.suffix in _SEPARATORS}
    if not files:
        raise UserError(f"no .csv or .tsv file in the folder {root}")
    return files


def _read(file: pathlib.Path) -> Cells:
    try:
        with open(file, encoding="utf-8-sig", newline="") as stream:
            lines = csv.reader(
                stream, delimiter=_SEPARATORS.get(file.suffix, ","), skipinitialspace=True
            )
            header, rows = next(lines, []), []
            for row in lines:
                if len(row) not in (0, len(header)):
                    raise UserError(
                        f"{file}, line {lines.line_num} has {len(row)} cells, the header has "
                        f"{len(header)}"
                    )
                rows += [row] if row else []
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise UserError(f"cannot read {file} as a table in UTF-8: {error}") from error
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise UserError(f"the header of {file} has {twice[0]!r} twice")
    if not rows:
        raise UserError(f"{file} has no row below its header")
    return dict(zip(header, zip(*rows, strict=True), strict=True))


def _labels(cells: Cells, label: str, what: str) -> np.ndarray:
    _require_columns([label], cells, what)
    missing = sum(cell in BLANKS for cell in cells[label])
    if missing:
        raise UserError(f"{what}: {missing} of {len(cells[label])} labels in {label!r} are missing")
    return np.array(cells[label])


def _numbers(cells: Cells, target: str, what: str) -> np.ndarray:
    """Return float32[n], the numbers in a column that is to be regressed."""
    _require_columns([target], cells, what)
    for row, cell in enumerate(cells[target]):
        if cell in BLANKS or not is_number(cell):
            raise UserError(
                f"{what}: the target {target!r} of row {row + 1} is {cell!r}, not a finite number; "
                "leave that row out"
            )
    return np.array(cells[target], np.float32)
