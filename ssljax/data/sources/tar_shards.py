"""`tar:PATH`: images with texts in tar files, as WebDataset writes them, by random access.

The files of an example lie one after another and share their name up to the first dot:

    photos/7.jpg   photos/7.txt   photos/7.cls
    photos/8.jpg   photos/8.json  photos/8.cls

A `.txt` is the caption, a `.cls` the class, a whole number from 0; in a `.json`, `text` or
`caption` is the caption, a string or a list of strings, of which training draws one at each step.
PATH is one tar file, which is all train; or a folder with files or folders of the names of splits:
train-000000.tar, train-000001.tar, test-000000.tar. Tar files must not be compressed: an index of
their members is made when the set is opened, and members are then read by themselves.
"""

import dataclasses
import json
import os
import pathlib
import tarfile
from collections.abc import Sequence

import numpy as np

from ssljax.data import images
from ssljax.data.sources.base import Options, Source
from ssljax.data.sources.documents import Documents, files_of, parsed, report_of
from ssljax.data.sources.pairs import captions, require_apart, text_of
from ssljax.data.sources.paths import existing, find_split
from ssljax.data.sources.validate import TAIL, EncodedSet, Ends, open_encoded
from ssljax.errors import UserError

_HEAD = 4096  # bytes, which hold the size of most images
_TEXTS = ("txt", "json")
Member = tuple[int, int, int]  # the number of the file, first byte, number of bytes


def open_tar(rest: str, options: Options) -> Source:
    """Open one split of tar files.

    Raises:
      UserError: no file, a damaged one, examples without an image, an example in two splits.
    """
    path, _ = parsed(rest, "tar", ())
    root = existing(path, "tar file or folder")
    files = files_of(root, (".tar",), "tar file")
    split = find_split(options, files)
    found = {one: index_of(own) for one, own in files.items()}
    require_apart(
        {s: [f"the example {key}" for key in own] for s, own in found.items()}, options.name
    )
    shards = _Shards(tuple(map(str, files[split])))
    own = found[split]
    texts = any(kind in own[key] for key in own for kind in _TEXTS)
    labelled = any("cls" in members for members in own.values())
    documents, kept, said, labels = Documents(), [], [], []
    for key, members in own.items():
        try:
            if "image" not in members:
                raise ValueError("it has no image")
            said.append(_captions(shards, members) if texts else ())
            labels.append(_label(shards, members) if labelled else -1)
            kept.append(key)
        except ValueError as fault:
            documents.faults.append((f"the example {key}", str(fault)))
            del said[len(kept) :], labels[len(kept) :]
    documents.texts = ["a pair"] * len(kept)
    report = report_of(documents, options)
    ranges = _Images(shards, np.array([own[key]["image"] for key in kept], np.int64))
    encoded = EncodedSet(
        kept,
        ranges.read,
        ranges.ends,
        np.array(labels) if labelled else None,
        num_classes=max(labels) + 1 if labelled else None,
        beside={"text": text_of(said)} if texts else {},
    )
    source = open_encoded(encoded, options)
    source.report = "\n".join(filter(None, (report, source.report))) or None
    return source


def index_of(files: Sequence[pathlib.Path]) -> dict[str, dict[str, Member]]:
    """Return where the files of every example lie, by the example's name and by their kind.

    Kinds are the endings in small letters, and "image" for any image.

    Raises:
      UserError: a file is no tar file, or compressed, or cut off.
    """
    found: dict[str, dict[str, Member]] = {}
    for number, file in enumerate(files):
        try:
            with tarfile.open(file, "r:") as archive:
                size = os.path.getsize(file)
                for member in archive:
                    if not member.isfile() or "/." in f"/{member.name}":
                        continue
                    if member.offset_data + member.size > size:
                        raise UserError(f"{file} is cut off within {member.name}")
                    folder, _, name = member.name.rpartition("/")
                    stem, _, ending = name.partition(".")
                    key = f"{folder}/{stem}" if folder else stem
                    kind = ending.lower()
                    if f".{kind.rpartition('.')[2]}" in images.SUFFIXES:
                        kind = "image"
                    place = number, member.offset_data, member.size
                    if found.setdefault(key, {}).setdefault(kind, place) != place:
                        raise UserError(f"{file}: the example {key} has two files of .{ending}")
        except (tarfile.TarError, OSError, EOFError) as error:
            raise UserError(
                f"cannot read {file} as a tar file without compression: {error}"
            ) from error
    return found


@dataclasses.dataclass(frozen=True)
class _Shards:
    paths: tuple[str, ...]

    def read(self, place: Sequence[int], start: int = 0, count: int | None = None) -> bytes:
        """Return the bytes of a member from `start` on."""
        number, first, size = (int(one) for one in place)
        with open(self.paths[number], "rb") as stream:
            stream.seek(first + start)
            return stream.read(size - start if count is None else min(count, size - start))


@dataclasses.dataclass(frozen=True)
class _Images:
    shards: _Shards
    places: np.ndarray  # int64 [n, 3]

    def read(self, index: int) -> bytes:
        return self.shards.read(self.places[index])

    def ends(self, index: int) -> Ends:
        place, size = self.places[index], int(self.places[index][2])
        head = self.shards.read(place, 0, _HEAD)
        tail = images.PNG_TAIL if images.is_png(head) else TAIL
        return Ends(head, self.shards.read(place, max(0, size - tail)), size)


def _captions(shards: _Shards, members: dict[str, Member]) -> tuple[str, ...]:
    """Return the captions of an example; a ValueError says why it has none."""
    kind = next((kind for kind in _TEXTS if kind in members), None)
    if kind is None:
        raise ValueError("it has no .txt or .json")
    try:
        text = shards.read(members[kind]).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"its .{kind} is no UTF-8") from error
    if kind == "txt":
        return captions(text.strip(), {})
    try:
        record = json.loads(text)
    except ValueError as error:
        raise ValueError("its .json is no JSON") from error
    if not isinstance(record, dict):
        raise ValueError("its .json is no object")
    return captions(record.get("text", record.get("caption")), {})


def _label(shards: _Shards, members: dict[str, Member]) -> int:
    """Return the class of an example; a ValueError says why it has none."""
    if "cls" not in members:
        raise ValueError("it has no .cls")
    text = shards.read(members["cls"]).decode("ascii", "replace").strip()
    if not text.isdecimal():
        raise ValueError(f"its .cls is {text[:20]!r}, not a whole number from 0")
    return int(text)
