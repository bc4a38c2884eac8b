"""`arrayrecord:PATH`: a folder that TFDS prepared (it has a `dataset_info.json`), or plain
ArrayRecord files.

A folder of TFDS takes the options of `tfds:`, such as `arrayrecord:PATH?text=description`.

In plain files each record is the label as a little-endian 32-bit integer (-1 for none) followed by
the bytes of an image file (PNG, JPEG, WebP, ...): `writer.write(struct.pack("<i", label) + png)`.
The files of a split are named `SPLIT.array_record`, `SPLIT-00000-of-00008.array_record` or
`SPLIT.array_record-00000-of-00008`. PATH may also be one file, which is train.
"""

import dataclasses
import functools
import pathlib
import re
import struct

import numpy as np

from ssljax.data.sources.base import Options, Source
from ssljax.data.sources.documents import parsed
from ssljax.data.sources.encoded import EncodedSource
from ssljax.data.sources.paths import existing, find_split, hash_of_files
from ssljax.data.sources.prepared import is_prepared, open_prepared, versions
from ssljax.data.sources.tfds_features import OPTIONS
from ssljax.data.sources.validate import EncodedSet, Ends, open_encoded
from ssljax.errors import UserError, optional_package

_NAME = re.compile(r"(?P<split>.+?)(-\d+-of-\d+)?\.array_record(-\d+-of-\d+)?")


def open_arrayrecord(rest: str, options: Options) -> Source:
    """Open one split of ArrayRecord files."""
    path, chosen = parsed(rest, "arrayrecord", OPTIONS)
    root = existing(path, "ArrayRecord file or folder")
    if root.is_dir() and (is_prepared(root) or versions(root)):
        return open_prepared(root if is_prepared(root) else versions(root)[-1], options, chosen)
    if chosen:
        raise UserError(f"{options.name}: options are of folders that TFDS prepared, {root} is not")
    splits = {"train": [root]} if root.is_file() else _splits(root)
    if not splits:
        raise UserError(f"no .array_record file in the folder {root}")
    files = splits[find_split(options, splits)]
    records = _Records(tuple(str(file) for file in files))
    count = records.count()
    if count == 0:
        raise UserError(f"no record in {', '.join(map(str, files))}")
    names = _Names(options.split, count)
    if sum(file.stat().st_size for file in files) <= options.memory_limit:
        labels, num_classes = records.labels()
        encoded = EncodedSet(names, records.read, records.ends, labels, num_classes=num_classes)
        return open_encoded(encoded, options)
    # Reading all records of a large set to learn their labels and sizes would take longer than
    # starting on them.
    return EncodedSource(names, records.read, None, options, content=hash_of_files(files))


def _splits(root: pathlib.Path) -> dict[str, list[pathlib.Path]]:
    found: dict[str, list[pathlib.Path]] = {}
    for file in sorted(root.glob("*.array_record*")):
        if match := _NAME.fullmatch(file.name):
            found.setdefault(match["split"], []).append(file)
    return found


@dataclasses.dataclass(frozen=True)
class _Names:
    """The records' names, made when asked for: a large set has very many.

    They are part of the fingerprint, so the folder is not in them: it may move.
    """

    split: str
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> str:
        return f"record {index} of {self.split}"


@dataclasses.dataclass
class _Records:
    paths: tuple[str, ...]

    @functools.cached_property
    def _reader(self):
        reader = optional_package("array_record.python.array_record_data_source", "tfds")
        try:
            return reader.ArrayRecordDataSource(self.paths)
        except (RuntimeError, ValueError, OSError) as error:
            raise UserError(f"cannot read {', '.join(self.paths)}: {error}") from error

    def __getstate__(self) -> dict:
        return {"paths": self.paths}  # a worker process opens its own files

    def count(self) -> int:
        return len(self._reader)

    def read(self, index: int) -> bytes:
        return self._reader[index][4:]

    def ends(self, index: int) -> Ends:
        record = self.read(index)
        return Ends(record, record[-64:], len(record))

    def labels(self) -> tuple[np.ndarray | None, int | None]:
        labels = np.array(
            [
                struct.unpack("<i", self._reader[i][:4].ljust(4, b"\xff"))[0]
                for i in range(self.count())
            ]
        )
        return (None, None) if labels.min() < 0 else (labels, int(labels.max()) + 1)
