"""Samples of the music program Sonic Pi (Debian's sonic-pi-samples): drums, loops, tabla; 16 kHz.

The class is the first part of a file's name; ten have eight files or more. By a hash of the name, a
third of each is test. "unlabelled" has all others, those of small classes too.
"""

import hashlib
import pathlib
from collections import Counter

from ssljax.data.prepare.debian import Package
from ssljax.data.prepare.waves import arrays_of
from ssljax.data.sources.arrays import Arrays

PACKAGE = Package("sonic-pi-samples", "CC0-1.0 (most), see its README")
FOLDER = "usr/share/sonic-pi/samples"
RATE = 16_000
LEAST = 8  # files of a class


def read_sonicpi(package: pathlib.Path) -> Arrays:
    """Return the samples.

    Raises:
      UserError: the package holds none.
    """
    files = sorted((package / FOLDER).glob("*.flac"))
    counts = Counter(_class(file) for file in files)
    splits: dict[str, list] = {"train": [], "test": [], "unlabelled": []}
    for file in files:
        name = _class(file)
        large = counts[name] >= LEAST
        test = large and hashlib.sha256(file.stem.encode()).digest()[0] % 3 == 0
        if large:
            splits["test" if test else "train"].append((file, name, name))
        if not test:
            splits["unlabelled"].append((file, "", name))
    return arrays_of(splits, RATE, PACKAGE.name)


def _class(file: pathlib.Path) -> str:
    return file.stem.partition("_")[0]
