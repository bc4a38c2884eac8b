"""`folder:PATH`: image files, of any sizes and modes, nested as deep as one likes.

If PATH has a subfolder `train`, the subfolders of PATH are the splits; otherwise all of PATH is
train. Within a split, two or more subfolders and no image beside them are classes, named by their
folders; anything else is unlabelled. Names that begin with a dot, and files without the suffix of
an image, are passed over.
"""

import dataclasses
import os
import pathlib

import numpy as np

from ssljax.data import images
from ssljax.data.sources.base import Options, Source
from ssljax.data.sources.paths import existing, require_split
from ssljax.data.sources.scan import TAIL, EncodedSet, Ends, open_encoded
from ssljax.errors import UserError, printable

_HEAD = 4096  # bytes, which hold the size of most images


def open_folder(path: str, options: Options) -> Source:
    """Open the images of one split of a folder."""
    root = existing(path, "image folder")
    if not root.is_dir():
        raise UserError(f"{root} is a file; folder: wants a folder of images")
    splits = {"train": root}
    if (root / "train").is_dir():
        splits = {p.name: p for p in _subfolders(root)}
    require_split(options, splits)
    top = splits[options.split]
    files = _image_files(top)
    if not files:
        raise UserError(f"no image file ({', '.join(sorted(images.SUFFIXES))}) in the folder {top}")
    # Classes are numbered over all splits, so that one missing from a split shifts no other.
    others = [_image_files(other) for other in splits.values() if other != top]
    classes = sorted(_classes(files).union(*map(_classes, others))) if _classes(files) else []
    classes = classes if len(classes) > 1 else None
    labels = None
    if classes is not None:
        number = {name: i for i, name in enumerate(classes)}
        labels = np.array([number[file.split("/")[0]] for file in files])
    files_on_disk = _Files(str(top), tuple(files))
    class_names = None if classes is None else [printable(name) for name in classes]
    encoded = EncodedSet(files, files_on_disk.read, files_on_disk.ends, labels, class_names)
    return open_encoded(encoded, options)


@dataclasses.dataclass(frozen=True)
class _Files:
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


def _subfolders(root: pathlib.Path) -> list[pathlib.Path]:
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))


def _image_files(top: pathlib.Path) -> list[str]:
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
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in images.SUFFIXES
        ]
    return sorted(found)


def _classes(files: list[str]) -> set[str]:
    """Return the folders that may be classes: none if an image lies outside of them."""
    if any("/" not in file for file in files):
        return set()
    return {file.split("/")[0] for file in files}
