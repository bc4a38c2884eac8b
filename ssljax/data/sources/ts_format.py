"""The `.ts` files of the UCR and UEA archives, as aeon and sktime write them.

Lines with # are comments, lines with @ the header. After @data each line is one series: its
channels separated by colons, the values of a channel by commas, and the class at the end.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from ssljax.data.series import pad, series_field
from ssljax.data.sources.arrays import Arrays
from ssljax.data.sources.labels import class_names, numbers_of
from ssljax.data.sources.paths import train_split
from ssljax.errors import UserError


@dataclasses.dataclass(frozen=True)
class TimeSeries:
    """What a .ts file holds.

    Attributes:
      series: float32[t, C] each; NaN where a value is missing.
      labels: names of the classes of each series, None where the file has none. Numbers to be
        predicted (@targetlabel) are left out.
    """

    series: list[np.ndarray]
    labels: list[str] | None


def parse_ts(text: str, what: str) -> TimeSeries:
    """Read the content of a .ts file.

    Args:
      text: of the file.
      what: the file's name, for messages.

    Raises:
      UserError: it is no .ts file, has time stamps, or a line is damaged; the message names the
        line.
    """
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1)]
    lines = [(n, line) for n, line in lines if line and not line.startswith("#")]
    header, rows = {}, []
    for place, (_, line) in enumerate(lines):
        key, _, value = line.partition(" ")
        if key.lower() == "@data":
            rows = lines[place + 1 :]
            break
        if not key.startswith("@"):
            raise UserError(f"{what} is no .ts file: it begins with {line[:40]!r}, not a header")
        header[key.lower()] = value.strip().lower()
    if header.get("@timestamps", "false") != "false":
        raise UserError(f"{what} has time stamps, which are not read; resample it to equal steps")
    if not rows:
        raise UserError(f"{what} has no series after @data")
    classes = header.get("@classlabel", "false").startswith("true")
    ending = classes or header.get("@targetlabel", "false").startswith("true")
    series, labels = [], []
    for number, line in rows:
        channels = line.split(":")
        labels += [channels.pop().strip()] if ending else []
        series.append(_series(channels, f"{what}, line {number}"))
    if len({one.shape[1] for one in series}) > 1:
        raise UserError(f"the series of {what} differ in their number of channels")
    return TimeSeries(series, labels if classes else None)


def _series(channels: Sequence[str], where: str) -> np.ndarray:
    try:
        values = [np.array(c.replace("?", "nan").split(","), np.float32) for c in channels]
    except ValueError as error:
        raise UserError(f"{where}: {error}") from error
    if not values or len({len(channel) for channel in values}) > 1:
        raise UserError(f"{where}: a series needs channels of one length")
    if any(np.isinf(channel).any() for channel in values):
        raise UserError(f"{where}: a value is infinite")
    return np.stack(values, axis=1)


def arrays_of_texts(texts: Mapping[str, str]) -> Arrays:
    """Return the data set of .ts files: series padded with NaN to the longest of all splits.

    Args:
      texts: the content of the files by split, one of them for training.

    Raises:
      UserError: a file is none, or the files do not fit together.
    """
    read = {split: parse_ts(text, f"the {split} file") for split, text in texts.items()}
    train = train_split(texts, "the set")
    channels = {one.series[0].shape[1] for one in read.values()}
    if len(channels) > 1:
        raise UserError(f"the splits have series of {sorted(channels)} channels")
    longest = max(len(one) for found in read.values() for one in found.series)
    splits = {split: {"series": pad(found.series, longest)} for split, found in read.items()}
    names: list[str] = []
    if all(found.labels is not None for found in read.values()):
        labels = {split: np.array(found.labels) for split, found in read.items()}
        names = class_names(labels.values())
        for split, own in labels.items():
            splits[split]["label"] = numbers_of(own, names).astype(np.int32)
    return Arrays(splits, {"series": series_field(splits[train]["series"])}, tuple(names))
