"""Files of one kind below a folder: which are of a split, and what their folders say of them."""

import dataclasses
import os
import pathlib
from collections.abc import Collection

import numpy as np

from ssljax.data.sources.base import Options
from ssljax.data.sources.paths import existing, find_split, kind_of_split
from ssljax.errors import UserError, printable


@dataclasses.dataclass(frozen=True)
class Tree:
    """The files of one split.

    Attributes:
      top: the folder of the split.
      files: their paths below it, with "/" between the parts, sorted.
      labels: int[n], the number of each file's class; None where there are no classes.
      class_names: by label.
      groups: [n], the folders within those of the classes; None where not all files lie in such.
      others: the files of the other splits, as `files`.
    """

    top: pathlib.Path
    files: list[str]
    labels: np.ndarray | None
    class_names: list[str] | None
    groups: np.ndarray | None
    others: list[str]


def read_tree(path: str, options: Options, suffixes: Collection[str], what: str) -> Tree:
    """Return the files of one split of a folder; see `ssljax.data.sources.folder` for its form.

    Args:
      path: of the folder.
      options: which split.
      suffixes: of the files, in lower case.
      what: a file is called so in messages, such as "image".

    Raises:
      UserError: no such folder, no file, no such split, or splits that are not the outermost
        folders.
    """
    root = existing(path, f"{what} folder")
    if not root.is_dir():
        kind = options.name.partition(":")[0]
        raise UserError(f"{root} is a file; {kind}: wants a folder of {what}s")
    splits = _splits(root, options, what)
    top = splits[find_split(options, splits)]
    files = _files(top, suffixes)
    _require_one_split(top, files)
    if not files:
        raise UserError(f"no {what} file ({', '.join(sorted(suffixes))}) in the folder {top}")
    # Classes are numbered over all splits, so that one missing from a split shifts no other.
    others = [_files(other, suffixes) for other in splits.values() if other != top]
    classes = sorted(_classes(files).union(*map(_classes, others))) if _classes(files) else []
    beside = [file for one in others for file in one]
    if len(classes) < 2:
        return Tree(top, files, None, None, None, beside)
    number = {name: i for i, name in enumerate(classes)}
    labels = np.array([number[file.split("/")[0]] for file in files])
    return Tree(top, files, labels, [printable(name) for name in classes], _groups(files), beside)


def _splits(root: pathlib.Path, options: Options, what: str) -> dict[str, pathlib.Path]:
    subfolders = {p.name: p for p in _subfolders(root)}
    if "train" in map(kind_of_split, subfolders):
        return subfolders
    held_out = {name: path for name, path in subfolders.items() if kind_of_split(name)}
    if held_out and kind_of_split(options.split) == "train":
        first = next(iter(held_out))
        raise UserError(
            f"{root} has the folder {first!r} but none for the split {options.split!r}, so its "
            f"{what}s could be test {what}s; put what to train on into {root / 'train'} (all "
            f"classes, if {first!r} is one)"
        )
    return held_out or {"train": root}


def _require_one_split(top: pathlib.Path, files: list[str]) -> None:
    """Raise a UserError if files to train on and to test on lie in folders further down."""
    found = {}
    for folder in sorted({file.rpartition("/")[0] for file in files}):
        for part in folder.split("/"):
            found.setdefault(kind_of_split(part), folder)
    held_out = found.get("test", found.get("validation"))
    if "train" in found and held_out:
        raise UserError(
            f"{top} has both {printable(found['train'])!r} and {printable(held_out)!r}; "
            f"splits must be the outermost folders, such as {top / 'train'} and {top / 'test'}"
        )


def _subfolders(root: pathlib.Path) -> list[pathlib.Path]:
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))


def _files(top: pathlib.Path, suffixes: Collection[str]) -> list[str]:
    """Return the paths below `top`, with "/" between the parts, sorted."""
    found, seen = [], set()
    for folder, subfolders, files in os.walk(top, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link that leads back up
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        relative = pathlib.Path(folder).relative_to(top)
        found += [
            (relative / name).as_posix()
            for name in files
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in suffixes
        ]
    return sorted(found)


def _groups(files: list[str]) -> np.ndarray | None:
    """Return the folders within the classes; None if a file lies directly in its class."""
    parts = [file.split("/") for file in files]
    return np.array([one[1] for one in parts]) if min(map(len, parts)) > 2 else None


def _classes(files: list[str]) -> set[str]:
    """Return the folders that may be classes: none if a file lies outside of them."""
    if any("/" not in file for file in files):
        return set()
    return {file.split("/")[0] for file in files}
