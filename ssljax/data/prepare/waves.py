"""Sets of sounds out of Debian packages: what the preparations of several of them share."""

import pathlib
from collections.abc import Sequence

import numpy as np

from ssljax.data import sound
from ssljax.data.sources.arrays import Arrays
from ssljax.data.sources.tokenized import objects
from ssljax.errors import UserError, optional_package
from ssljax.spec import Field

Row = tuple[pathlib.Path, str, str]  # a file, its class ("" for none), its group


def soundfile() -> object:
    """Return the packages that decode and resample.

    Raises:
      UserError: one is not installed.
    """
    return optional_package("soundfile", "audio"), optional_package("soxr", "audio")


def arrays_of(splits: dict[str, Sequence[Row]], rate: int, package: str) -> Arrays:
    """Return the sounds of some files at one sampling rate, by split.

    Args:
      splits: the rows of each. A split whose rows have no class has no labels.
      rate: samples per second.
      package: for messages.

    Raises:
      UserError: the package holds none, or a damaged file.
    """
    if not all(splits.values()):
        raise UserError(f"the Debian package {package} does not hold the sounds that are expected")
    classes = tuple(sorted({name for own in splits.values() for _, name, _ in own if name}))
    waves: dict[pathlib.Path, np.ndarray] = {}
    made: dict[str, dict[str, np.ndarray]] = {}
    for split, own in splits.items():
        for file, _, _ in own:
            if file not in waves:
                waves[file] = wave_in(file, rate)
        made[split] = {
            "audio": objects([waves[file] for file, _, _ in own]),
            "group": np.array([group for _, _, group in own]),
        }
        if all(name for _, name, _ in own):
            numbers = [classes.index(name) for _, name, _ in own]
            made[split]["label"] = np.array(numbers, np.int32)
    return Arrays(made, {"audio": Field("audio", (None,), "int16", rate=float(rate))}, classes)


def wave_in(file: pathlib.Path, rate: int) -> np.ndarray:
    """Return int16[S] of a file of a package, at a sampling rate.

    Raises:
      UserError: it is damaged or silent.
    """
    try:
        return sound.wave_of(file.read_bytes(), rate)[0]
    except ValueError as error:
        raise UserError(f"{file.name} of the package {error}") from error
