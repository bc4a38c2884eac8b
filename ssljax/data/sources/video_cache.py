"""The frames of decoded videos: one file of bytes, mapped into memory, beside an index."""

import dataclasses
import functools
import json
import os
import pathlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from ssljax.data.storage import scratch, writing
from ssljax.data.videos import BrokenVideoError

_FRAMES, _INDEX = "frames.bin", "index.json"


@dataclasses.dataclass(frozen=True)
class Frames:
    """The frames of several videos of one size, one after another; picklable.

    Attributes:
      file: of all frames, uint8.
      sizes: (frames, height, width) of each video.
    """

    file: str
    sizes: tuple[tuple[int, int, int], ...]

    def __getitem__(self, index: int) -> np.ndarray:
        """Return uint8 [T, H, W, 3] of a video; it is read from the file where it is used."""
        start, end = self._ends[index], self._ends[index + 1]
        return self._bytes[start:end].reshape(*self.sizes[index], 3)

    @functools.cached_property
    def _ends(self) -> np.ndarray:
        return np.cumsum([0, *(3 * np.prod(size, dtype=np.int64) for size in self.sizes)])

    @functools.cached_property
    def _bytes(self) -> np.ndarray:
        return np.memmap(self.file, np.uint8, mode="r")

    def __getstate__(self) -> dict[str, Any]:  # each process maps the file itself
        return {"file": self.file, "sizes": self.sizes}


@dataclasses.dataclass(frozen=True)
class Decoded:
    """What became of the files of a split.

    Attributes:
      frames: of the videos that could be decoded.
      numbers: which of the files these are, ascending.
      rates: frames per second of each of them.
      faults: why the others could not be, by the number of the file.
    """

    frames: Frames
    numbers: tuple[int, ...]
    rates: tuple[float, ...]
    faults: dict[int, str]


def load_decoded(folder: pathlib.Path) -> Decoded | None:
    """Return what `save_decoded` wrote into a folder, None if it has not."""
    try:
        found = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        sizes = tuple(tuple(size) for size in found["sizes"])
        frames = Frames(str(folder / _FRAMES), sizes)
        if os.path.getsize(frames.file) != frames._ends[-1]:
            return None
        faults = {int(number): why for number, why in found["faults"].items()}
        return Decoded(frames, tuple(found["numbers"]), tuple(found["rates"]), faults)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def save_decoded(
    folder: pathlib.Path, videos: Iterable[tuple[np.ndarray, float] | BrokenVideoError]
) -> Decoded:
    """Write the frames of videos as they come, whole or not at all.

    Args:
      folder: of this split; its name says what the frames depend on.
      videos: of each file uint8 [T, H, W, 3] and the frames per second, or why there are none.

    Raises:
      UserError: no room, or no permission there.
    """
    with writing(folder), scratch(folder.parent, folder.name) as unfinished:
        if (found := load_decoded(folder)) is not None:
            return found  # another process has done it while this one waited
        index: dict[str, Any] = {"sizes": [], "numbers": [], "rates": [], "faults": {}}
        with open(unfinished / _FRAMES, "wb") as stream:
            for number, video in enumerate(videos):
                if isinstance(video, BrokenVideoError):
                    index["faults"][number] = str(video)
                    continue
                frames, rate = video
                stream.write(np.ascontiguousarray(frames).data)
                index["sizes"].append(frames.shape[:3])
                index["numbers"].append(number)
                index["rates"].append(rate)
        (unfinished / _INDEX).write_text(json.dumps(index), encoding="utf-8")
        folder.mkdir(exist_ok=True)
        for name in (_FRAMES, _INDEX):  # the index last: it says that the frames are there
            os.replace(unfinished / name, folder / name)
    return load_decoded(folder)
