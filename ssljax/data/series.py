"""Time series as one array: padding to the longest, windows, statistics by channel."""

from collections.abc import Sequence

import numpy as np

from ssljax.errors import UserError
from ssljax.spec import Field


def pad(series: Sequence[np.ndarray], length: int) -> np.ndarray:
    """Return float32[n, length, C]: series [t, C] of any lengths, with NaN after their ends.

    Raises:
      UserError: a series is longer than `length`.
    """
    longest = max(map(len, series))
    if longest > length:
        raise UserError(f"a series has {longest} steps, more than the {length} of the longest here")
    padded = np.full((len(series), length, series[0].shape[1]), np.nan, np.float32)
    for row, one in zip(padded, series, strict=True):
        row[: len(one)] = one
    return padded


def windows(series: np.ndarray, length: int, stride: int) -> np.ndarray:
    """Return the windows float32[w, length, C] of a series [t, C], the first at its start.

    What is left at the end and is shorter than a window is dropped, so w may be 0.
    """
    starts = range(0, len(series) - length + 1, stride)
    cut = [series[start : start + length] for start in starts]
    return np.array(cut, np.float32).reshape(-1, length, series.shape[1])


def series_field(train: np.ndarray, rate: float = 0.0) -> Field:
    """Return the field of series float32[n, T, C]: means and deviations by channel, without NaN.

    Args:
      train: the training series; NaN where there is no value.
      rate: samples per second, 0 where it is not known.

    Raises:
      UserError: a channel has no value.
    """
    empty = np.isnan(train).all(axis=(0, 1))
    if empty.any():
        raise UserError(f"channel {int(np.argmax(empty))} has no value in the training series")
    mean = np.nanmean(train, axis=(0, 1), dtype=np.float64)
    std = np.nanstd(train, axis=(0, 1), dtype=np.float64)
    std = np.where(std > 1e-7 * np.maximum(np.abs(mean), 1e-30), std, 1.0)
    shape = tuple(train.shape[1:])
    return Field(
        "series", shape, "float32", mean=tuple(mean.tolist()), std=tuple(std.tolist()), rate=rate
    )


def segments_of(series: np.ndarray) -> np.ndarray:
    """Return int32[n, T]: 1 up to the last step of each series that has a value, then 0."""
    seen = ~np.isnan(series).all(axis=2)
    return np.flip(np.maximum.accumulate(np.flip(seen, axis=1), axis=1), axis=1).astype(np.int32)


def fill(series: np.ndarray, field: Field) -> np.ndarray:
    """Return the series with the training mean of the channel in place of NaN.

    Standardising makes these values 0, so padding adds nothing to a mean or to a convolution.
    """
    return np.where(np.isnan(series), np.array(field.mean, np.float32), series)
