"""Spoken names of letters in 13 languages of Latin script (Debian's klettres-data), 16 kHz.

The class is the letter, a to z, and the group the language, each of which has one voice and one
channel. A language is in one split: neighbours across languages are found by the letter alone.
"test" has four languages, "train" the other nine. "unlabelled" has all letters and syllables of all
languages but those of "test": encoders are trained on it.
"""

import pathlib
import re

from ssljax.data.prepare.debian import Package
from ssljax.data.prepare.waves import arrays_of
from ssljax.data.sources.arrays import Arrays

PACKAGE = Package("klettres-data", "GPL-2+")
FOLDER = "usr/share/klettres"
RATE = 16_000
TEST = ("en", "it", "nl", "pt_BR")
TRAIN = ("da", "de", "en_GB", "es", "fr", "hu", "lt", "nb", "nds")
SPELLED = ("de", "en", "en_GB", "es", "nds", "pt_BR", "tn")  # whose files are named by what is said
_NUMBERED = ("da", "fr", "nl")  # whose files are a-0.ogg, a-1.ogg, ... in the order of the alphabet


def read_klettres(package: pathlib.Path) -> Arrays:
    """Return the letters.

    Raises:
      UserError: the package holds none.
    """
    top = package / FOLDER
    files = [(file, file.relative_to(top).parts[0]) for file in sorted(top.rglob("*.ogg"))]
    rows = [
        (file, letter_of(file.stem, language), language)
        for file, language in files
        if file.parent.name == "alpha"
    ]
    splits = {
        "train": [row for row in rows if row[1] and row[2] in TRAIN],
        "test": [row for row in rows if row[1] and row[2] in TEST],
        "unlabelled": [(file, "", language) for file, language in files if language not in TEST],
    }
    return arrays_of(splits, RATE, PACKAGE.name)


def read_syllables(package: pathlib.Path) -> Arrays:
    """Return the syllables and short words that files are named by: the class is the spelling.

    "test" is Italian, "train" seven other languages of Latin script, each of one voice.

    Raises:
      UserError: the package holds none.
    """
    top = package / FOLDER
    files = [(file, file.relative_to(top).parts[0]) for file in sorted(top.rglob("syllab/*.ogg"))]
    named = [(file, file.stem, own) for file, own in files if re.fullmatch("[a-z]+", file.stem)]
    splits = {
        "train": [row for row in named if row[2] in SPELLED],
        "test": [row for row in named if row[2] == "it"],
    }
    return arrays_of(splits, RATE, PACKAGE.name)


def letter_of(stem: str, language: str) -> str:
    """Return the letter, a to z, that a file of a language's alphabet says; "" if it is another.

    >>> letter_of("B", "en"), letter_of("a-2", "fr"), letter_of("U0064", "nb")
    ('b', 'c', 'd')
    >>> letter_of("sz", "de")
    ''
    """
    if found := re.fullmatch(r"U00([0-9A-F]{2})", stem):
        stem = chr(int(found[1], 16))
    if language in _NUMBERED and (found := re.fullmatch(r"a-(\d+)", stem)):
        stem = chr(ord("a") + int(found[1]))
    return stem.lower() if re.fullmatch("[A-Za-z]", stem) else ""
