"""Sources of tables, series and videos: the arrays of one split, without missing values."""

from ssljax.data.series import fill, segments_of
from ssljax.data.sources.arrays import Arrays
from ssljax.data.sources.base import Options
from ssljax.data.sources.csv_table import read_csv
from ssljax.data.sources.in_memory import ArraySource
from ssljax.data.sources.npz import open_npz
from ssljax.data.sources.npz_fields import holds_fields, read_npz
from ssljax.data.sources.paths import find_split
from ssljax.data.sources.ts import read_ts_files
from ssljax.spec import Value


def source_of(arrays: Arrays, options: Options) -> ArraySource:
    """Return a source of one split, with the statistics of the training split in its fields.

    Where a series has ended or a value is missing it holds the training mean of the channel. With
    `options.ragged` a `Value` says where each series ends.

    Raises:
      UserError: there is no such split.
    """
    named = arrays.splits[find_split(options, arrays.splits)]
    fields = dict(arrays.fields)
    groups = named.get("group", named.get("subject"))  # persons, as seglearn: has them
    held = {name: array for name, array in named.items() if name in fields or name == "label"}
    for name, field in arrays.fields.items():
        if field.modality == "series":
            held[name] = fill(named[name], field)
            if options.ragged:
                fields[name] = field.replace(ragged=True)
                held[name] = Value(held[name], segments_of(named[name]))
    return ArraySource(fields, held, options, class_names=arrays.class_names or None, groups=groups)


def open_csv(rest: str, options: Options) -> ArraySource:
    """Open one split of a table in CSV files."""
    return source_of(read_csv(rest), options)


def open_ts(path: str, options: Options) -> ArraySource:
    """Open one split of series in .ts files."""
    return source_of(read_ts_files(path), options)


def open_npz_of_any(path: str, options: Options) -> ArraySource:
    """Open one split of NumPy arrays: series, a table or videos, else images."""
    return source_of(read_npz(path), options) if holds_fields(path) else open_npz(path, options)
