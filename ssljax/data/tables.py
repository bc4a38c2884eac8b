"""Tables of text cells as numbers: which columns are numeric, and the categories of the others.

A table is one array float32[n, M]. A numeric column holds its values. A category column holds the
place of each value among the column's categories, as a float; place 0 is kept for `MISSING`.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from ssljax.errors import UserError
from ssljax.spec import Field

MISSING = "(missing)"  # the name of place 0 of a category column
BLANKS = frozenset({"", "?", "NA", "N/A", "NaN", "nan", "null", "NULL"})
_LARGEST = np.finfo(np.float32).max
MOST_CATEGORIES = 1000  # of one column; more are names, ids or free text


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
      name: from the header.
      categories: names by place, `MISSING` first; () for a numeric column.
      fill: of a numeric column, what stands for a missing value: the mean over the training set.
    """

    name: str
    categories: tuple[str, ...] = ()
    fill: float = 0.0


def find_columns(
    train: Mapping[str, Sequence[str]], categories: Sequence[str] = ()
) -> tuple[Column, ...]:
    """Return the columns of a table, as its training part shows them.

    A column whose values are all numbers (or missing, see `BLANKS`) is numeric, any other holds
    categories, which are sorted.

    Args:
      train: the cells of the training examples by column.
      categories: the columns that hold categories although their values are numbers.

    Raises:
      UserError: a column has no value, infinite numbers, or more than `MOST_CATEGORIES` categories;
        the message names it.
    """
    return tuple(_column(name, cells, name in categories) for name, cells in train.items())


def _column(name: str, cells: Sequence[str], forced: bool) -> Column:
    present = [cell for cell in cells if cell not in BLANKS]
    if not present:
        raise UserError(f"column {name!r} has no value in the training examples; leave it out")
    if not forced and (numbers := _numbers(present)) is not None:
        if not np.isfinite(numbers).all():
            raise UserError(f"column {name!r} holds infinite numbers; leave it out or mend it")
        return Column(name, fill=float(numbers.mean()))
    names = sorted(set(present))
    if len(names) > MOST_CATEGORIES:
        raise UserError(
            f"column {name!r} has {len(names):,} different texts such as {present[0]!r}, more than "
            f"the {MOST_CATEGORIES:,} categories a column may have; leave it out"
        )
    return Column(name, (MISSING, *names))


def _numbers(cells: Sequence[str]) -> np.ndarray | None:
    try:
        return np.array(cells, float)
    except ValueError:
        return None


def encode(cells: Mapping[str, Sequence[str]], columns: Sequence[Column]) -> np.ndarray:
    """Return float32[n, M], the table of some examples.

    A missing number becomes the training mean of its column, a missing category, or one that the
    training examples do not have, place 0.

    Args:
      cells: the cells by column; columns that are not among `columns` are left out.
      columns: as `find_columns` returns them.

    Raises:
      UserError: a column is not there, or a cell of a numeric one is no finite number; the message
        names the column and the value.
    """
    lacking = [column.name for column in columns if column.name not in cells]
    if lacking:
        raise UserError(f"columns of the training examples are not there: {', '.join(lacking)}")
    return np.stack([_encoded(cells[column.name], column) for column in columns], axis=1)


def _encoded(cells: Sequence[str], column: Column) -> np.ndarray:
    if column.categories:
        place = {name: number for number, name in enumerate(column.categories)}
        return np.array([place.get(cell, 0) for cell in cells], np.float32)
    filled = [column.fill if cell in BLANKS else cell for cell in cells]
    numbers = _numbers(filled)
    if numbers is None or not (np.abs(numbers) <= _LARGEST).all():
        wrong = next(cell for cell in filled if not is_number(cell))
        raise UserError(
            f"column {column.name!r} is numeric in the training examples; {wrong!r} is no finite "
            "32-bit number"
        )
    return numbers.astype(np.float32)


def is_number(cell: str | float) -> bool:
    """Say whether a cell is a finite 32-bit number."""
    numbers = _numbers([cell])
    return numbers is not None and abs(numbers[0]) <= _LARGEST


def table_field(train: np.ndarray, columns: Sequence[Column]) -> Field:
    """Return the field of a table float32[n, M]: cardinalities, means and deviations by column.

    A category column has mean 0 and deviation 1.
    """
    cardinalities = tuple(len(column.categories) for column in columns)
    numeric = np.array(cardinalities) == 0
    mean = np.where(numeric, train.mean(axis=0, dtype=np.float64), 0.0)
    std = np.where(numeric, train.std(axis=0, dtype=np.float64), 1.0)
    std = np.where(std > 1e-7 * np.maximum(np.abs(mean), 1e-30), std, 1.0)
    return Field(
        "table",
        (len(columns),),
        "float32",
        cardinalities=cardinalities,
        mean=tuple(mean.tolist()),
        std=tuple(std.tolist()),
    )
