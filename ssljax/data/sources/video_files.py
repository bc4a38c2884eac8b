"""`video:PATH`: animated WebP, GIF and PNG, and MP4, WebM, ... (by PyAV), each a video.

PATH is one file, or a folder with splits, classes and groups as `folder:` has them.

    video:clips                    frames as they are stored
    video:clips?fps=12             frames of equal distance, 12 per second
    video:clips?size=64            frames resized (the shorter side) and cropped to 64 x 64 pixels

Videos are decoded once, when a set is opened for the first time, and kept as bytes in the folder of
prepared sets, `videos/`; they are read from there, mapped into memory. What can be deleted there is
decoded anew when it is needed.
"""

import concurrent.futures
import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ssljax.data.sources.base import Options, fingerprint_of
from ssljax.data.sources.documents import parsed
from ssljax.data.sources.faults import left_out, listed, refuse
from ssljax.data.sources.paths import existing
from ssljax.data.sources.tree import Tree, read_tree
from ssljax.data.sources.video_cache import Decoded, Frames, load_decoded, save_decoded
from ssljax.data.storage import data_directory
from ssljax.data.videos import SUFFIXES, BrokenVideoError, decode
from ssljax.errors import UserError, printable
from ssljax.spec import LABEL, Field

VERSION = 1  # of decoding; part of the place of what was decoded
_EDGE = 2**16  # first and last bytes of a file that its content is known by


@dataclasses.dataclass(frozen=True)
class _How:
    fps: float
    size: int


def open_video(rest: str, options: Options) -> "VideoSource":
    """Open the videos of one split.

    Raises:
      UserError: no file, an unknown option, videos of several sizes; and, under broken="refuse",
        videos that cannot be decoded or are shorter than `options.span` frames.
    """
    path, chosen = parsed(rest, "video", ("fps", "size"))
    how = _How(_number(chosen, "fps", float), _number(chosen, "size", int))
    root = existing(path, "video file or folder")
    if root.is_dir():
        found = read_tree(path, options, SUFFIXES, "video")
    elif root.suffix.lower() in SUFFIXES:
        found = Tree(root.parent, [root.name], None, None, None, [])
    else:
        raise UserError(f"{root} is no video file ({', '.join(SUFFIXES)})")
    files = [os.path.join(found.top, name) for name in found.files]
    content = _content(found, files, how)
    place = data_directory(options.data_dir) / "videos" / content
    decoded = load_decoded(place) or save_decoded(place, _decoded(files, how))
    return _source(found, decoded, content, options)


class VideoSource:
    """Decoded videos of one frame size, of any lengths."""

    in_memory = False

    def __init__(
        self,
        frames: Frames,
        chosen: Sequence[int],
        options: Options,
        *,
        rate: float,
        names: Sequence[str],
        labels: np.ndarray | None,
        class_names: Sequence[str] | None,
        groups: np.ndarray | None,
        content: str,
        report: str | None,
    ):
        """Hold those of the videos in `frames` whose numbers are `chosen`."""
        self._frames, self._chosen, self._content = frames, tuple(chosen), content
        self.name, self.split, self.report = options.name, options.split, report
        self.names, self.labels, self.groups = names, labels, groups
        self.class_names = None if class_names is None else tuple(class_names)
        self.num_classes = None if class_names is None else len(class_names)
        height, width = frames.sizes[self._chosen[0]][1:]
        self.fields = {"video": Field("video", (None, height, width, 3), "uint8", rate=rate)}
        if labels is not None:
            self.fields["label"] = LABEL.replace(classes=self.num_classes)

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, index: int) -> dict[str, Any]:
        example: dict[str, Any] = {"video": self._frames[self._chosen[index]]}
        return example if self.labels is None else example | {"label": int(self.labels[index])}

    def fingerprint(self) -> dict[str, Any]:
        return fingerprint_of(self, self._content)


def _number(chosen: dict[str, str], key: str, kind: type) -> Any:
    try:
        value = kind(chosen.get(key, "0"))
    except ValueError:
        value = -1
    if key in chosen and not 0 < value < float("inf"):
        what = "a number above 0" if kind is float else "a whole number of pixels above 0"
        raise UserError(f"{key}={chosen[key]} of a video: source must be {what}")
    return value


def _content(found: Tree, files: Sequence[str], how: _How) -> str:
    """Return a hash of what the frames and their labels depend on."""
    digest = hashlib.sha256(f"{VERSION} {how}".encode())
    for number, (name, file) in enumerate(zip(found.files, files, strict=True)):
        try:
            with open(file, "rb") as stream:
                size = os.fstat(stream.fileno()).st_size
                head = stream.read(_EDGE)
                stream.seek(max(0, size - _EDGE))
                content = head + stream.read(_EDGE)
        except OSError as error:
            raise UserError(f"cannot read {file}: {error.strerror}") from error
        label = -1 if found.labels is None else int(found.labels[number])
        entry = f"{name}\0{label}\0{size}\0"  # file names need not be UTF-8
        digest.update(entry.encode("utf-8", "surrogateescape") + content)
    return digest.hexdigest()


def _decoded(
    files: Sequence[str], how: _How
) -> Iterator[tuple[np.ndarray, float] | BrokenVideoError]:
    """Yield the frames of each file in order, or why there are none."""

    def attempt(file: str) -> tuple[np.ndarray, float] | BrokenVideoError:
        try:
            if not os.path.getsize(file):
                raise BrokenVideoError("empty")
            return decode(file, pathlib.Path(file).suffix, how.fps, how.size)
        except BrokenVideoError as error:
            return error

    threads = os.cpu_count() or 1  # decoding releases the interpreter
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(files), 2 * threads):  # so that few videos are held at a time
            yield from pool.map(attempt, files[start : start + 2 * threads])


def _source(found: Tree, decoded: Decoded, content: str, options: Options) -> VideoSource:
    faults = dict(decoded.faults)
    for number, size in zip(decoded.numbers, decoded.frames.sizes, strict=True):
        if size[0] < options.span:
            faults[number] = f"{size[0]} frames, and a clip spans {options.span}"
    report = _report(found, faults, options)
    kept = [place for place, number in enumerate(decoded.numbers) if number not in faults]
    numbers = np.array([decoded.numbers[place] for place in kept])
    sizes = {decoded.frames.sizes[place][1:]: found.files[decoded.numbers[place]] for place in kept}
    if len(sizes) > 1:
        one, other = [
            f"{printable(name)} ({width} x {height})" for (height, width), name in sizes.items()
        ][:2]
        raise UserError(
            f"the frames of {options.name} differ in size: {one}, {other}; add ?size=PIXELS, such "
            "as ?size=112, to bring them to one"
        )
    rates = {round(decoded.rates[place], 3) for place in kept}
    return VideoSource(
        decoded.frames,
        kept,
        options,
        rate=rates.pop() if len(rates) == 1 else 0.0,
        names=[found.files[number] for number in numbers],
        labels=None if found.labels is None else found.labels[numbers],
        class_names=found.class_names,
        groups=None if found.groups is None else found.groups[numbers],
        content=f"{content}, {len(kept)} of at least {options.span} frames",
        report=report,
    )


def _report(found: Tree, faults: dict[int, str], options: Options) -> str | None:
    """Return a line about the videos that are left out, refuse them, or refuse a set of none."""
    if not faults:
        return None
    count = len(found.files)
    named = [(found.files[one], faults[one]) for one in sorted(faults)]
    said = f"{len(faults)} of {count} videos of {options.name}: {listed(named, '{} ({})')}"
    refuse(f"cannot take {said}", options)
    if len(faults) == count:
        raise UserError(f"none is left: cannot take {said}")
    return left_out(said)
