"""The mean and standard deviation of a data set's channels, by which objectives normalise."""

import numpy as np

from ssljax.data.order import shuffled
from ssljax.data.sources.base import Source


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
    for index in chosen:
        image = source[int(index)]["image"].astype(np.float32) / 255
        total = total + image.mean(axis=(0, 1), dtype=np.float64)
        squares = squares + np.square(image).mean(axis=(0, 1), dtype=np.float64)
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    return mean.astype(np.float32), std.astype(np.float32)
