"""Which arrays a written checkpoint holds, by the index of the files that Orbax wrote.

That index is small (a few bytes for each chunk), so to read it costs little beside the writing. It
tells what a list of files cannot: files may all be there and intact, and no index point to them.
"""

import itertools
import json
import math
import pathlib
from collections.abc import Mapping
from typing import Any

import tensorstore

_AT_ONCE = 1024  # reads under way


def lacking(folder: pathlib.Path, leaves: Mapping[str, Any]) -> str | None:
    """Return what is not there of the arrays that should be, or None if nothing is.

    Args:
      folder: of a checkpoint, or the temporary one of a checkpoint that is being written.
      leaves: (dtype, shape) by path; arrays without elements, which are not written, are passed
        over.

    Returns:
      A phrase for the user, which names an array.
    """
    leaves = {path: shape for path, (_, shape) in leaves.items() if 0 not in shape}
    index = {"driver": "ocdbt", "base": {"driver": "file", "path": f"{folder}/"}}
    try:
        store = tensorstore.KvStore.open(index).result()
        known = {key.decode() for key in store.list().result()}
        names = {path: path.replace("/", ".") for path in leaves}
        if absent := [path for path in leaves if f"{names[path]}/.zarray" not in known]:
            return f"{len(absent)} of {len(leaves)} arrays are missing, such as {absent[0]}"
        notes = _read(store, [f"{name}/.zarray" for name in names.values()])
        chunks = []
        for (path, shape), note in zip(leaves.items(), notes, strict=True):
            note = json.loads(note)
            if note["shape"] != list(shape):
                return f"{path} has the shape {note['shape']} instead of {list(shape)}"
            chunks += [f"{names[path]}/{chunk}" for chunk in _chunks(shape, note["chunks"])]
        if absent := [chunk for chunk in chunks if chunk not in known]:
            return f"{len(absent)} of {len(chunks)} chunks are missing, such as {absent[0]}"
        # The last byte of each: what the index points to is there, up to its end.
        ends = zip(chunks, _read(store, chunks, slice(-1, None)), strict=True)
        if absent := [chunk for chunk, end in ends if not end]:
            return f"the data of {len(absent)} of {len(chunks)} chunks are missing"
    except (ValueError, KeyError) as error:  # TensorStore has no type of its own
        return f"the index cannot be read: {str(error).splitlines()[0][:200]}"
    return None


def _read(store: Any, keys: list[str], part: slice | None = None) -> list[bytes]:
    found = []
    for start in range(0, len(keys), _AT_ONCE):
        few = keys[start : start + _AT_ONCE]
        found += [one.result().value for one in [store.read(k, byte_range=part) for k in few]]
    return found


def _chunks(shape: list[int], sizes: list[int]) -> list[str]:
    """Return the names of the chunks of an array in the format Zarr 2."""
    counts = [math.ceil(size / chunk) for size, chunk in zip(shape, sizes, strict=True)]
    return [".".join(map(str, at)) or "0" for at in itertools.product(*map(range, counts))]
