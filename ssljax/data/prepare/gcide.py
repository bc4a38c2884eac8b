"""The Collaborative International Dictionary of English (Debian's dict-gcide): cased English prose.

About 40 MB: Webster's of 1913 with quotations, and later additions. An example is what the
dictionary says of a headword, in one line; names of its sources in brackets are left out. One
headword in twenty is validation and one test, by a hash, so that no headword is in two splits.
There are no labels: it is for language models.
"""

import gzip
import hashlib
import pathlib
import re
import zlib

from ssljax.data.prepare.debian import Package
from ssljax.data.sources.arrays import Arrays
from ssljax.data.sources.tokenized import objects
from ssljax.errors import UserError
from ssljax.spec import Field

PACKAGE = Package("dict-gcide", "GPL-3")
FOLDER = "usr/share/dictd"
_PARTS = 20  # of headwords, of which one is validation and one test
_SOURCES = re.compile(
    r"\[(?:1913 Webster|Webster 1913 Suppl\.|WordNet [\d.]+|PJC|Century Dict\. 1906|"
    r"Webster Suppl\.|RDH|AS|WordNet)(?: ?\+ ?[\w. ]+)*\]"
)


def read_gcide(package: pathlib.Path) -> Arrays:
    """Return the entries of the dictionary.

    Raises:
      UserError: the package does not hold it.
    """
    file = package / FOLDER / "gcide.dict.dz"
    try:
        content = gzip.decompress(file.read_bytes())
        index = (package / FOLDER / "gcide.index").read_text("utf-8")
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"cannot read the dictionary in {file}: {error}") from error
    found: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    seen = set()
    for line in index.splitlines():
        headword, start, size = line.split("\t")[:3]
        place = number_of(start), number_of(size)
        if headword.startswith("00-") or place in seen:  # about the dictionary; another spelling
            continue
        seen.add(place)
        text = plain(content[place[0] : sum(place)].decode("utf-8", "replace"))
        if text:
            found[part_of(headword)].append(text)
    splits = {split: {"text": objects(texts)} for split, texts in found.items()}
    return Arrays(splits, {"text": Field("text", (None,), "str")})


_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def number_of(digits: str) -> int:
    """Return the number that an index of dictd writes to the base 64.

    >>> number_of("BA"), number_of("/")
    (64, 63)
    """
    value = 0
    for digit in digits:
        value = 64 * value + _DIGITS.index(digit)
    return value


def plain(entry: str) -> str:
    """Return an entry in one line, without braces around words and the names of its sources."""
    return " ".join(_SOURCES.sub("", entry).replace("{", "").replace("}", "").split())


def part_of(headword: str) -> str:
    """Return the split that a headword belongs to, whatever its capitals are."""
    hashed = hashlib.sha256(headword.lower().encode()).digest()[0] % _PARTS
    return {0: "test", 1: "validation"}.get(hashed, "train")
