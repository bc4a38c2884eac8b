"""Video files, decoded whole: animated WebP, GIF and PNG by Pillow, all others by PyAV."""

import math
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageSequence, UnidentifiedImageError

from ssljax.data import images
from ssljax.errors import optional_package

ANIMATIONS = (".gif", ".webp", ".apng")
SUFFIXES = (*ANIMATIONS, ".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm")
_NO_DURATION = 0.1  # seconds that a frame of an animation is shown that says 0, as browsers do


class BrokenVideoError(Exception):
    """A video cannot be decoded to its end; the message says why."""


def decode(
    file: str | BinaryIO, suffix: str, fps: float = 0.0, size: int = 0
) -> tuple[np.ndarray, float]:
    """Return all frames of a video and their rate.

    At a rate of `fps`, frame k is the one that is shown at (k + 1/2) / `fps` seconds, so that the
    frames of a video of any rate, also of a changing one, are equally far apart.

    Args:
      file: its path, or its content as a stream.
      suffix: of its name, one of `SUFFIXES`.
      fps: frames per second of the result; 0: the frames as they are stored.
      size: pixels of a side to which frames are resized (the shorter side) and cropped (the
        centre); 0 keeps their size.

    Returns:
      (uint8 [T, H, W, 3], frames per second: `fps`, else the mean rate of the stored frames).
      What is transparent is white.

    Raises:
      BrokenVideoError: truncated, no video, or a broken frame in it.
      UserError: PyAV is not installed.
    """
    shown = _animation(file) if suffix.lower() in ANIMATIONS else _film(file)
    frames, duration = _at_rate(shown, fps, size)
    return np.stack(frames), fps or len(frames) / duration


def _at_rate(
    shown: Iterable[tuple[np.ndarray, float]], fps: float, size: int
) -> tuple[list[np.ndarray], float]:
    """Return the frames at a rate, and the seconds that all of them are shown."""
    frames: list[np.ndarray] = []
    end, first = 0.0, None
    for number, (frame, seconds) in enumerate(shown):
        end += seconds
        # Those frames of the result whose time, (k + 1/2) / fps, lies before the end of this one.
        wanted = math.ceil(end * fps - 0.5 - 1e-6) if fps else number + 1
        missing = wanted - len(frames)
        if missing > 0 or first is None:
            frame = images.resize_and_crop(frame, size) if size else frame
            first = frame if first is None else first
            if frame.shape != first.shape:
                raise BrokenVideoError(
                    f"frame {number} is of {frame.shape[1]} x {frame.shape[0]} pixels, the first "
                    f"of {first.shape[1]} x {first.shape[0]}"
                )
            frames += [frame] * missing
    if first is None:
        raise BrokenVideoError("no frame in it")
    frames = frames or [first]  # of a video that ends before the time of frame 0
    return frames, end


def _animation(file: str | BinaryIO) -> Iterator[tuple[np.ndarray, float]]:
    number = 0
    try:
        with Image.open(file) as animation:
            for number, frame in enumerate(ImageSequence.Iterator(animation)):  # noqa: B007
                shown = frame.convert("RGBA")  # decodes it, and only then is its duration known
                page = Image.new("RGBA", shown.size, "white")
                page.alpha_composite(shown)
                seconds = frame.info.get("duration", 0) / 1000 or _NO_DURATION
                yield np.asarray(page.convert("RGB")), seconds
    except UnidentifiedImageError as error:
        raise BrokenVideoError("no animation that Pillow can read") from error
    except (OSError, EOFError, ValueError, SyntaxError) as error:
        raise BrokenVideoError(f"frame {number} or the one after it: {error}") from error


def _film(file: str | BinaryIO) -> Iterator[tuple[np.ndarray, float]]:
    av = optional_package("av", "video")  # here: it takes a while to import
    number = 0
    try:
        with av.open(file) as container:
            if not container.streams.video:
                raise BrokenVideoError("it has no pictures, only sound")
            stream = container.streams.video[0]
            usual = float(1 / (stream.average_rate or stream.guessed_rate or 25))
            before = time = None
            for number, frame in enumerate(container.decode(stream)):
                if frame.is_corrupt:
                    raise BrokenVideoError(f"frame {number} is broken")
                start = time
                time = frame.time if frame.time is not None else (start or 0.0) + usual
                if before is not None:
                    yield before, max(time - start, 0.0)
                before = frame.to_ndarray(format="rgb24")
            if before is not None:
                yield before, usual
    except av.error.FFmpegError as error:
        raise BrokenVideoError(f"frame {number} or the one after it: {error.strerror}") from error
