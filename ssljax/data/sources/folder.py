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

from ssljax.data import images
from ssljax.data.sources.base import Options, Source
from ssljax.data.sources.tree import read_tree
from ssljax.data.sources.validate import TAIL, EncodedSet, Ends, open_encoded

_HEAD = 4096  # bytes, which hold the size of most images


def open_folder(path: str, options: Options) -> Source:
    """Open the images of one split of a folder."""
    tree = read_tree(path, options, images.SUFFIXES, "image")
    files = Files(str(tree.top), tuple(tree.files))
    encoded = EncodedSet(
        tree.files, files.read, files.ends, tree.labels, tree.class_names, tree.groups
    )
    return open_encoded(encoded, options)


@dataclasses.dataclass(frozen=True)
class Files:
    """Files below a folder, read and looked at by their number."""

    top: str
    names: tuple[str, ...]

    def path(self, index: int) -> str:
        return os.path.join(self.top, self.names[index])

    def read(self, index: int) -> bytes:
        with open(self.path(index), "rb") as stream:
            return stream.read()

    def ends(self, index: int) -> Ends:
        with open(self.path(index), "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            head = stream.read(_HEAD)
            tail = images.PNG_TAIL if images.is_png(head) else TAIL
            stream.seek(max(0, size - tail))
            return Ends(head, stream.read(tail), size)
