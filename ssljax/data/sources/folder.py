"""`folder:PATH`: image files, of any sizes and modes, nested as deep as one likes.

If PATH has a subfolder `train` (or Train, training), the subfolders of PATH are the splits;
otherwise all of PATH is train, and no subfolder may be named as a split to test on (test, val,
...). Within a split, two or more subfolders and no image beside them are classes, named by their
folders; anything else is unlabelled. Where all images lie in folders within those of the classes,
these are groups, such as makers: CLASS/GROUP/image.png. Names that begin with a dot, and files
without the suffix of an image, are passed over.
"""

import dataclasses
import os
import pathlib
from collections.abc import Collection

import numpy as np

from ssljax.data import images
from ssljax.data.sources.base import Options, Source
from ssljax.data.sources.paths import existing, find_split, kind_of_split
from ssljax.data.sources.validate import TAIL, EncodedSet, Ends, open_encoded
from ssljax.errors import UserError, printable

_HEAD = 4096  # bytes, which hold the size of most images


def open_folder(path: str, options: Options) -> Source:
    """Open the images of one split of a folder."""
    root = existing(path, "image folder")
    if not root.is_dir():
        raise UserError(f"{root} is a file; folder: wants a folder of images")
    found = listed(root, options, images.SUFFIXES, "image")
    files = Files(str(found.top), tuple(found.files))
    encoded = EncodedSet(
        found.files, files.read, files.ends, found.labels, found.class_names, found.groups
    )
    return open_encoded(encoded, options)


@dataclasses.dataclass(frozen=True)
class Listed:
    """The files of one split of a folder.

    Attributes:
      top: the folder of the split.
      files: paths below it, with "/" between the parts, sorted.
      labels: int[n], None without classes.
      class_names: by label, None without classes.
      groups: [n], the folders within those of the classes; None where there are none.
    """

    top: pathlib.Path
    files: list[str]
    labels: np.ndarray | None
    class_names: list[str] | None
    groups: np.ndarray | None


def listed(root: pathlib.Path, options: Options, suffixes: Collection[str], what: str) -> Listed:
    """Return the files of one split of a folder, by the rules above.

    Args:
      root: an existing folder.
      options: which split.
      suffixes: of the files, in lower case, with the dot.
      what: one of them, for messages.

    Raises:
      UserError: no such split, no file, or splits that are not the outermost folders.
    """
    splits = _splits(root, options, what)
    top = splits[find_split(options, splits)]
    files = _files(top, suffixes)
    _require_one_split(top, files)
    if not files:
        raise UserError(f"no {what} file ({', '.join(sorted(suffixes))}) in the folder {top}")
    # Classes are numbered over all splits, so that one missing from a split shifts no other.
    others = [_files(other, suffixes) for other in splits.values() if other != top]
    classes = sorted(_classes(files).union(*map(_classes, others))) if _classes(files) else []
    if len(classes) < 2:
        return Listed(top, files, None, None, None)
    number = {name: i for i, name in enumerate(classes)}
    labels = np.array([number[file.split("/")[0]] for file in files])
    return Listed(top, files, labels, [printable(name) for name in classes], _groups(files))


@dataclasses.dataclass(frozen=True)
class Files:
    """Files below a folder, read and looked at by their number."""

    top: str
    names: tuple[str, ...]

    def read(self, index: int) -> bytes:
        with open(os.path.join(self.top, self.names[index]), "rb") as stream:
            return stream.read()

    def ends(self, index: int) -> Ends:
        with open(os.path.join(self.top, self.names[index]), "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            head = stream.read(_HEAD)
            tail = images.PNG_TAIL if images.is_png(head) else TAIL
            stream.seek(max(0, size - tail))
            return Ends(head, stream.read(tail), size)


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
    """Raise a UserError if images to train on and to test on lie in folders further down."""
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
