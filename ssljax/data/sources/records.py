"""`jsonl:PATH` and `parquet:PATH`: texts with labels in records of several entries.

PATH is one file, which is all train; or a folder with files or folders of the names of splits:
train.jsonl, test.jsonl, train-00000-of-00002.parquet. Options follow a question mark:

    jsonl:posts?text=body               the key of the text (default: text)
    jsonl:posts?text=body&label=topic   and of the label: a string, a number, a list of numbers
    parquet:posts?label=topic           in Parquet the names of columns
    jsonl:posts?label=topic&group=author    who each is of, see docs/fields.md
    jsonl:news?text=tokens&label=tags   lists: the words of a text, and a tag for each
    jsonl:nli?text=premise&second=hypothesis&label=label    pairs of sentences
"""

import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ssljax.data.sources import tags
from ssljax.data.sources.base import Options
from ssljax.data.sources.documents import (
    Documents,
    documents_source,
    files_of,
    is_label,
    parsed,
)
from ssljax.data.sources.in_memory import ArraySource
from ssljax.data.sources.paths import existing
from ssljax.data.sources.text_files import decoded_lines
from ssljax.errors import UserError, optional_package, unknown

_OPTIONS = ("text", "second", "label", "group")


def open_jsonl(rest: str, options: Options) -> ArraySource:
    """Open one split of JSON objects, one in each line.

    Raises:
      UserError: no file, an unknown option, or lines that cannot be read.
    """
    path, keys = parsed(rest, "jsonl", _OPTIONS)
    files = files_of(existing(path, "JSONL file or folder"), (".jsonl", ".json"), "JSONL file")
    keys = {"text": "text", **keys}

    def read(own: Sequence[pathlib.Path]) -> Documents:
        found = _documents(keys)
        for file in own:
            for where, record in records(file, found):
                _add(found, record, keys, where)
        return found

    return documents_source(files, read, options, "label" in keys)


def records(file: pathlib.Path, found: Documents) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the objects of a JSONL file with their places; what is none becomes a fault."""
    for where, line in decoded_lines(file, found):
        try:
            record = json.loads(line)
        except ValueError as error:
            found.faults.append((where, f"no JSON ({error})" if line.strip() else "an empty line"))
            continue
        if isinstance(record, dict):
            yield where, record
        else:
            found.faults.append((where, "no JSON object"))


def open_parquet(rest: str, options: Options) -> ArraySource:
    """Open one split of tables of Apache Parquet.

    Raises:
      UserError: no file, no such column, an unknown option, or rows that cannot be read.
    """
    path, columns = parsed(rest, "parquet", _OPTIONS)
    files = files_of(existing(path, "Parquet file or folder"), (".parquet",), "Parquet file")
    parquet = optional_package("pyarrow.parquet", "parquet")
    columns = {"text": "text", **columns}

    def read(own: Sequence[pathlib.Path]) -> Documents:
        found = _documents(columns)
        for file in own:
            try:
                table = parquet.ParquetFile(file)
                for name in columns.values():
                    if name not in table.schema_arrow.names:
                        raise UserError(
                            f"{file}: {unknown('column', name, table.schema_arrow.names)}"
                        )
                rows = table.read(columns=[*columns.values()]).to_pylist()
            except OSError as error:  # those of pyarrow are such, or ValueErrors
                raise UserError(f"cannot read {file}: {error}") from error
            except ValueError as error:
                if isinstance(error, UserError):
                    raise
                raise UserError(f"cannot read {file} as Parquet: {error}") from error
            for number, row in enumerate(rows, 1):
                _add(found, row, columns, f"{file}, row {number}")
        return found

    return documents_source(files, read, options, "label" in columns)


def _documents(keys: Mapping[str, str]) -> Documents:
    held = {"seconds": "second", "labels": "label", "groups": "group"}
    return Documents(**{name: [] for name, role in held.items() if role in keys})


def _add(found: Documents, record: Mapping[str, Any], keys: Mapping[str, str], where: str) -> None:
    """Add the document of a record, or its fault."""
    values = {role: record.get(key) for role, key in keys.items()}
    for role, key in keys.items():
        if values[role] is None:
            found.faults.append((where, f"{key!r} is missing"))
            return
    if isinstance(values["text"], list) and "second" not in keys:
        try:
            values |= _tagged(values, keys)
        except ValueError as error:
            found.faults.append((where, str(error)))
            return
    if not isinstance(values["text"], str):
        kind = type(values["text"]).__name__
        found.faults.append((where, f"{keys['text']!r} is no string, but {kind}"))
    elif not isinstance(values.get("second", ""), str):
        kind = type(values["second"]).__name__
        found.faults.append((where, f"{keys['second']!r} is no string, but {kind}"))
    elif "label" in values and not (
        is_label(values["label"]) or isinstance(values["label"], tuple)
    ):
        found.faults.append((where, f"{keys['label']!r} is no string or number"))
    elif "group" in values and not isinstance(values["group"], str | int):
        found.faults.append((where, f"{keys['group']!r} is no string or whole number"))
    else:
        label, group, second = (values.get(role) for role in ("label", "group", "second"))
        found.add(values["text"], where, label, group, second)


def _tagged(values: Mapping[str, Any], keys: Mapping[str, str]) -> dict[str, Any]:
    """Return the text of a list of words, and the tags of these, if they are asked for."""
    words, found = values["text"], {}
    try:
        found["text"] = tags.joined(words)
    except ValueError as error:
        raise ValueError(f"{keys['text']!r} {error}") from error
    if isinstance(own := values.get("label"), list):  # else it is of the whole text
        if len(own) != len(words):
            raise ValueError(f"{keys['label']!r} has {len(own)} tags for {len(words)} words")
        found["label"] = tuple(own)
    return found
