"""The mean and deviation of each band of the spectrograms of a data set."""

from collections.abc import Iterable

import numpy as np

from ssljax.data.host import sound_transform
from ssljax.data.sources.base import Source
from ssljax.ops.spectrogram import as_wave, spectrogram
from ssljax.spec import Field


def sound_statistics(
    source: Source, name: str, field: Field, examples: Iterable[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return (mean float32[F], std float32[F]) by band; (0, 1) of sounds shown as waves.

    Args:
      source: of sounds of any lengths; of several recordings the first counts.
      name: of the field.
      field: as batches hold it, of a length; sounds are cut to their middle, or padded.
      examples: numbers of those that are read. Each counts the same.
    """
    if field.spectrogram is None or field.shape[0] is None:
        return np.zeros(1, np.float32), np.ones(1, np.float32)
    rows = field.spectrogram.rows
    cut = sound_transform(source.fields[name], field.shape[0])
    total, squares, count = np.zeros(rows), np.zeros(rows), 0
    for index in examples:
        wave = as_wave(cut(source[int(index)][name], None))
        made = spectrogram(wave, rate=field.rate, form=field.spectrogram).astype(np.float64)
        total += made.mean(axis=0)
        squares += np.square(made).mean(axis=0)
        count += 1
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    return mean.astype(np.float32), np.where(std < 1e-4, 1, std).astype(np.float32)
