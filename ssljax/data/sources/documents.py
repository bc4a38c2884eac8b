"""What the sources of texts share: their files by split, their faults, their labels."""

import dataclasses
import hashlib
import itertools
import pathlib
import urllib.parse
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from ssljax.data.sources import tags, targets
from ssljax.data.sources.base import Options
from ssljax.data.sources.faults import left_out, listed, refuse
from ssljax.data.sources.in_memory import ArraySource
from ssljax.data.sources.paths import find_split, kind_of_split
from ssljax.data.sources.tokenized import objects
from ssljax.errors import UserError, printable, unknown
from ssljax.spec import Field


@dataclasses.dataclass
class Documents:
    """The texts of one split while they are read.

    Attributes:
      texts: the documents.
      seconds: of each, the second sentence; None where documents are no pairs.
      labels: of each, a string or numbers, or a tuple, a tag for each word (`tags`); None where
        nobody asks for them.
      groups: of each, who or what it is of; None: nobody says.
      names: of each, such as that of its file.
      faults: place and reason of each that was left out.
    """

    texts: list[str] = dataclasses.field(default_factory=list)
    seconds: list[str] | None = None
    labels: list[Any] | None = None
    groups: list[Any] | None = None
    names: list[str] | None = None
    faults: list[tuple[str, str]] = dataclasses.field(default_factory=list)

    def add(
        self, text: str, where: str, label: Any = None, group: Any = None, second: str | None = None
    ) -> None:
        """Add a document, or its fault if it, or the second of two sentences, is empty."""
        if not text.strip():
            self.faults.append((where, "the document is empty"))
            return
        if second is not None and not second.strip():
            self.faults.append((where, "the second sentence is empty"))
            return
        self.texts.append(text)
        entries = (self.seconds, second), (self.labels, label), (self.groups, group)
        for held, value in (*entries, (self.names, where)):
            if held is not None:
                held.append(value)


def parsed(rest: str, kind: str, known: Collection[str]) -> tuple[str, dict[str, str]]:
    """Return path and options of PATH?KEY=VALUE&KEY=VALUE.

    Raises:
      UserError: an option that is not known, or given twice, or empty.
    """
    path, _, query = rest.partition("?")
    found = urllib.parse.parse_qs(query, keep_blank_values=True)
    for key, values in found.items():
        if key not in known:
            raise unknown(f"option of a {kind}: source", key, known)
        if len(values) > 1 or not values[0]:
            raise UserError(f"the option {key!r} of a {kind}: source must have one value")
    return path, {key: values[0] for key, values in found.items()}


def files_of(
    root: pathlib.Path, suffixes: Collection[str], what: str
) -> dict[str, list[pathlib.Path]]:
    """Return the files by split.

    They lie in folders of the names of splits, or their own names are those of splits, such as
    train.jsonl and train-00000-of-00008.parquet. All files without splits are train, and so is a
    file by itself.

    Raises:
      UserError: there is none.
    """
    if root.is_file():
        return {"train": [root]}
    folders = [p for p in sorted(root.iterdir()) if p.is_dir() and kind_of_split(p.name)]
    found = {one.name: _below(one, suffixes) for one in folders}
    if not found:
        everything = _below(root, suffixes)
        for file in everything:
            split = file.name.partition(".")[0].partition("-")[0]
            if kind_of_split(split):
                found.setdefault(split, []).append(file)
        if sum(map(len, found.values())) < len(everything):
            if found:
                other = next(f for f in everything if all(f not in own for own in found.values()))
                first = next(iter(found.values()))[0]
                raise UserError(
                    f"{root} has files of splits, such as {first.name}, and "
                    f"{printable(str(other.relative_to(root)))}, which is of none"
                )
            found = {"train": everything}
    if not any(found.values()):
        raise UserError(
            f"{root} has no {what} (files that end in {', '.join(filter(None, suffixes))})"
        )
    return {split: files for split, files in found.items() if files}


def _below(folder: pathlib.Path, suffixes: Collection[str]) -> list[pathlib.Path]:
    bare = "" in suffixes  # names without an ending
    found = (
        p
        for p in folder.rglob("*")
        if p.is_file()
        and (p.name.endswith((*filter(None, suffixes),)) or bare and "." not in p.name)
    )
    hidden = (p for p in found if not any(x.startswith(".") for x in p.relative_to(folder).parts))
    return sorted(hidden)


def documents_source(
    files: Mapping[str, Any],
    read: Callable[[Any], Documents],
    options: Options,
    classes_in_all: bool,
) -> ArraySource:
    """Return the source of one split.

    Args:
      files: by split, what `read` reads.
      read: the documents of one split.
      options: how the set is opened; `broken` says what becomes of faults.
      classes_in_all: whether other splits are read too, so that classes have the same numbers in
        all of them.

    Raises:
      UserError: no such split, faults under broken="refuse", no document.
    """
    split = find_split(options, files)
    wanted = list(files) if classes_in_all else [split]
    found = {one: read(files[one]) for one in wanted}
    own = found[split]
    report = report_of(own, options)
    paired = own.seconds is not None
    texts = [*zip(own.texts, own.seconds, strict=True)] if paired else own.texts
    arrays: dict[str, Any] = {"text": objects(texts)}
    names: list[str] | None = None
    kind, number = "", None
    tagged = {
        isinstance(one, tuple) for documents in found.values() for one in documents.labels or ()
    }
    if tagged == {True}:
        kind, every = "tokens", {one: documents.labels for one, documents in found.items()}
        names, number = tags.numbered(every, options.name)
        places = {name: place for place, name in enumerate(names or ())}
        arrays["label"] = tags.padded([[places.get(t, t) for t in one] for one in own.labels])
    elif tagged == {True, False}:
        raise UserError(
            f"some documents of {options.name} have a tag for each word and some a label; make "
            "them one kind"
        )
    elif own.labels is not None:
        arrays["label"], names = numbers_of_labels(
            {one: documents.labels for one, documents in found.items()}, split, options.name
        )
    digest = hashlib.sha256()
    for text in itertools.chain.from_iterable(texts) if paired else texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    if own.labels is not None:
        digest.update(repr(own.labels).encode())
    if not kind and names is None and own.labels is not None and arrays["label"].dtype == np.int32:
        number = int(arrays["label"].max()) + 1 if arrays["label"].ndim == 1 else None
    return ArraySource(
        {"text": Field("text", (None,), "str", sentences=2 if paired else 1)},
        arrays,
        options,
        class_names=names,
        num_classes=number,
        kind=kind,
        names=own.names,
        groups=None if own.groups is None else np.array(own.groups),
        content=f"pairs {digest.hexdigest()}" if paired else digest.hexdigest(),
        report=report,
    )


def report_of(found: Documents, options: Options) -> str | None:
    """Return a line about what is left out, refuse it, or refuse a set without a document."""
    faults, report = found.faults, None
    if faults:
        count = len(faults) + len(found.texts)
        said = f"{len(faults)} of {count} documents of {options.name}: {listed(faults)}"
        refuse(f"cannot read {said}", options)
        report = left_out(said)
    if not found.texts:
        raise UserError(f"{options.name} has no document in {options.split!r}")
    return report


def numbers_of_labels(
    found: Mapping[str, Sequence[Any]], split: str, what: str
) -> tuple[np.ndarray, list[str] | None]:
    """Return the labels of a split as targets, and the names of the classes if they have names."""
    kinds = {isinstance(one, str) for own in found.values() for one in own}
    if kinds == {True, False}:
        raise UserError(f"some labels of {what} are strings and some numbers; make them one kind")
    if kinds == {True}:
        names = sorted({one for own in found.values() for one in own})
        places = {name: place for place, name in enumerate(names)}
        return np.array([places[one] for one in found[split]], np.int32), names
    arrays = {one: np.asarray(own) for one, own in found.items()}
    kind = targets.kind_of_arrays([*arrays.values()], f"the labels of {what}")
    return targets.as_targets(arrays[split], kind, f"the labels of {what}"), None


def is_label(value: Any) -> bool:
    """Say whether a value of JSON or of a table is a label: a string, a number, numbers."""
    if isinstance(value, list):
        return bool(value) and all(is_label(one) and not isinstance(one, str) for one in value)
    return isinstance(value, str | bool | int | float | np.generic)
