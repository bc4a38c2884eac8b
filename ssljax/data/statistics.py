"""The mean and standard deviation of a data set's channels, by which objectives normalise."""

import concurrent.futures

import numpy as np

from ssljax.data.order import shuffled
from ssljax.data.sources.base import Source

_THREADS = 16  # decoding releases the interpreter


def statistics(source: Source, limit: int = 10_000) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation per channel over a sample that is the same on every call.

    Every image counts the same, whatever its size.

    Args:
      source: an opened data set.
      limit: the number of images looked at; all of them if there are no more.

    Returns:
      (mean float32[c], std float32[c]) in units where 255 is 1.
    """
    count = min(limit, len(source))
    if count < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    chosen = (
        shuffled(np.arange(count), len(source), seed=0) if count < len(source) else np.arange(count)
    )
    total = squares = 0.0
    with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
        # `map` keeps the order, so that the sums come out the same to the last bit.
        for mean, square in pool.map(lambda index: _moments(source[int(index)]["image"]), chosen):
            total, squares = total + mean, squares + square
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    return mean.astype(np.float32), std.astype(np.float32)


def _moments(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pixels = image.astype(np.float64) / 255
    return pixels.mean(axis=(0, 1)), np.square(pixels).mean(axis=(0, 1))
