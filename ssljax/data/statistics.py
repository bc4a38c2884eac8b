"""The mean and standard deviation of a data set's channels, by which objectives normalise."""

import concurrent.futures
import contextlib
import hashlib
import json
import pathlib

import numpy as np

from ssljax.data.order import shuffled
from ssljax.data.sources.base import EncodedSource, Source
from ssljax.errors import UserError
from ssljax.files import write_atomically

_THREADS = 16  # decoding releases the interpreter
_ENOUGH = 2**18  # pixels of an image file that are looked at; more of the same image say little
_PIXELS = 2**32  # of the image files that are decoded: 100,000 of ImageNet, 350 of 12 megapixels
_CONSTANT = 1e-4  # a fortieth of a grey level: a std below it is that of rounding errors


def statistics(
    source: Source, limit: int = 10_000, *, folder: pathlib.Path | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation per channel over a sample that is the same on every call.

    Every image counts the same, whatever its size. Memory and time are bounded whatever the images:
    of image files that are not in memory, large ones are reduced (`images.decode`), and the sample
    ends after 4.3 billion pixels.

    Args:
      source: an opened data set.
      limit: the number of images looked at; all of them if there are no more.
      folder: where results are kept by the fingerprint of the source, so that they are computed
        once; None keeps none. One that cannot be written costs nothing but the time.

    Returns:
      (mean float32[c], std float32[c]) in units where 255 is 1. The std of a constant channel, such
      as an alpha of 255, is 1, so that one can divide by it.
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    file = None if folder is None else folder / f"{_digest(source, limit)}.json"
    if file is not None and (kept := _kept(file, source.channels)):
        return kept
    mean, std = _computed(source, limit)
    if file is not None:
        with contextlib.suppress(OSError, UserError):
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, json.dumps({"mean": mean.tolist(), "std": std.tolist()}))
    return mean, std


def _computed(source: Source, limit: int) -> tuple[np.ndarray, np.ndarray]:
    count = min(limit, len(source))
    chosen = (
        shuffled(np.arange(count), len(source), seed=0) if count < len(source) else np.arange(count)
    )
    total = squares = 0.0
    seen = pixels = 0
    with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
        # `map` keeps the order, so that the sums come out the same to the last bit.
        found = pool.map(lambda index: _moments(source, int(index)), chosen)
        for mean, square, size in found:
            total, squares = total + mean, squares + square
            seen, pixels = seen + 1, pixels + size
            if pixels >= _PIXELS:
                break
        found.close()  # forgets those not begun
    mean = total / seen
    std = np.sqrt(np.maximum(squares / seen - mean**2, 0))
    std = np.where(std < _CONSTANT, 1, std)
    return mean.astype(np.float32), std.astype(np.float32)


def _moments(source: Source, index: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the means of an image and of its square by channel, and how much work it was."""
    if isinstance(source, EncodedSource):
        image, size = source.reduced(index, _ENOUGH)
    else:
        image, size = source[index]["image"], 0
    height, width, channels = image.shape
    rows = max(1, _ENOUGH // width)  # at a time, as the floats take 16 times as much memory
    total, squares = np.zeros(channels), np.zeros(channels)
    for top in range(0, height, rows):
        values = image[top : top + rows].astype(np.float64) / 255
        total += values.sum(axis=(0, 1))
        squares += np.square(values).sum(axis=(0, 1))
    return total / (height * width), squares / (height * width), size


def _digest(source: Source, limit: int) -> str:
    """Return what the statistics depend on: the content of the source and the code of this part."""
    content = {k: v for k, v in source.fingerprint().items() if k not in ("spec", "split")}
    settings = [content, source.channels, source.image_shape, limit]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for code in sorted(pathlib.Path(__file__).parent.rglob("*.py")):
        digest.update(code.read_bytes())
    return digest.hexdigest()


def _kept(file: pathlib.Path, channels: int) -> tuple[np.ndarray, np.ndarray] | None:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        mean, std = (np.array(found[key], np.float32) for key in ("mean", "std"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    whole = mean.shape == std.shape == (channels,) and np.isfinite([mean, std]).all()
    return (mean, std) if whole and (std > 0).all() else None
