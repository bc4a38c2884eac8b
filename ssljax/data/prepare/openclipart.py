"""Open Clip Art (Debian's openclipart-svg; public domain): drawings in colour, by what they show.

A drawing's class is the folder that it is filed in: animals, food, tools, ... The rules below are
fixed, so that the same package and the same renderer always give the same data set.

1. A drawing is a file; copies of it count once. One that is filed in several folders has no class,
   nor has one in "special" (gradients, patterns) or "unsorted".
2. Drawings without a class come after those with one: rule 4 takes none of the latter away.
3. Every drawing is rendered at 64 x 64 pixels on white, whole and in its proportions. One that
   cannot be rendered, or is blank, is left out.
4. Of drawings that look alike only the first stays, see `distinct`.
5. A class has at most 40 drawings of one creator, so that no set of icons or of playing cards fills
   it, and at most 300. Which ones, a hash decides. Folders with fewer than 50 are left out.
6. No creator is in two of train, validation and test, see `part_of`. Settings are chosen on
   validation.
7. The text of a drawing is its title and its keywords, "burrito, food, menu". A title of more than
   five drawings is the name of a collection, and the name of the file takes its place. Of keywords,
   what a converter left ("hash(0x8a393fc)") and the creator's name are left out.
8. "unlabelled" has all drawings of rule 4 that are of no creator in validation or test: those of
   train, those that rule 5 leaves out, and those without a class. Encoders are trained on it.
"""

import dataclasses
import hashlib
import html
import io
import pathlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from PIL import Image
from tqdm import tqdm

from ssljax.data.images import image_field
from ssljax.data.prepare.debian import Package
from ssljax.data.sources.arrays import Arrays
from ssljax.data.sources.tokenized import objects
from ssljax.errors import UserError, optional_package
from ssljax.spec import Field

PACKAGE = Package("openclipart-svg", "public domain")
FOLDER = "usr/share/openclipart/svg"
SIZE = 64  # pixels
LEFT_OUT = {"special", "unsorted"}
LEAST, MOST = 50, 300  # drawings of a class
OF_ONE_CREATOR = 40  # drawings of a class
ALIKE = 0.2
OF_ONE_TITLE = 5  # drawings up to which a title says what each shows
PROLIFIC = 100  # drawings from which on a creator is in train

_TITLE = re.compile(rb"<dc:title[^>/]*>(.*?)</dc:title>", re.DOTALL)
_CREATOR = re.compile(rb"<dc:creator\b[^>/]*>.*?<dc:title[^>/]*>(.*?)</dc:title>", re.DOTALL)
_SUBJECT = re.compile(rb"<dc:subject\b[^>/]*>(.*?)</dc:subject>", re.DOTALL)
_KEYWORD = re.compile(rb"<rdf:li\b[^>/]*>(.*?)</rdf:li>", re.DOTALL)
_NO_KEYWORD = re.compile(r"hash|hash\(.*|unsorted|")


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A file of the package.

    Attributes:
      paths: of its copies, from the folder of drawings.
      content: an SVG document.
    """

    paths: tuple[str, ...]
    content: bytes

    @property
    def category(self) -> str:
        """The folder at the top that it is filed in, "" if that is no class or there are two."""
        folders = {path.partition("/")[0] for path in self.paths}
        return "" if len(folders) > 1 or folders <= LEFT_OUT else folders.pop()

    @property
    def title(self) -> str:
        """What its creator called it, else the name of its file, in words."""
        return _text(_TITLE, self.content) or self.file_name

    @property
    def file_name(self) -> str:
        """The name of its file in words."""
        return pathlib.PurePosixPath(self.paths[0]).stem.replace("_", " ")

    @property
    def keywords(self) -> tuple[str, ...]:
        """What its creator filed it under, in lower case, each once."""
        subject = _SUBJECT.search(self.content)
        found = map(_plain, _KEYWORD.findall(subject[1])) if subject else ()
        words = (one.lower().replace("_", " ") for one in found)
        return tuple(
            dict.fromkeys(
                one
                for one in words
                if not _NO_KEYWORD.fullmatch(one) and _name(one) != self.creator
            )
        )

    @property
    def creator(self) -> str:
        """The name of its creator in a form that can be compared, "" if unknown."""
        return _name(_text(_CREATOR, self.content))


def _name(person: str) -> str:
    without = re.sub(r"[(\[<].*", "", person.lower())
    return " ".join(sorted(re.findall(r"[^\W_]+", without)))


def _text(pattern: re.Pattern, content: bytes) -> str:
    found = pattern.search(content)
    return _plain(found[1]) if found else ""


def _plain(content: bytes) -> str:
    return html.unescape(" ".join(content.decode("utf-8", "replace").split()))


def texts_of(files: Sequence[Drawing]) -> list[str]:
    """Return the text of each drawing, see rule 7: its title, then keywords that it lacks."""
    counts = Counter(one.title for one in files)
    texts = []
    for one in files:
        title = one.title if counts[one.title] <= OF_ONE_TITLE else one.file_name
        new = [word for word in one.keywords if word not in title.lower()]
        texts.append(", ".join([title, *new]))
    return texts


def read_openclipart(package: pathlib.Path) -> Arrays:
    """Return the drawings as images, with titles and keywords as text and their folders as label.

    "group" is the creator of each, "" if unknown.

    Args:
      package: the folder of the unpacked package.

    Raises:
      UserError: cairosvg is not installed, or the package holds no drawings.
    """
    found = drawings(package / FOLDER)
    if not found:
        raise UserError(f"the Debian package {PACKAGE.name} holds no drawings in {FOLDER}")
    return arrays(found, renderer())


def drawings(folder: pathlib.Path) -> list[Drawing]:
    """Return the drawings, each once, in the order of their paths; those without a class last."""
    copies: dict[bytes, list[str]] = {}
    for path in sorted(folder.rglob("*.svg")):
        copies.setdefault(path.read_bytes(), []).append(path.relative_to(folder).as_posix())
    found = (Drawing(tuple(paths), content) for content, paths in copies.items())
    return sorted(found, key=lambda one: not one.category)


def renderer() -> Callable[[bytes], np.ndarray]:
    """Return the function that makes uint8[64, 64, 3] of an SVG document.

    Raises:
      UserError: cairosvg is not installed, or lacks the library Cairo.
    """
    try:
        cairosvg = optional_package("cairosvg", "svg")
    except OSError as error:
        raise UserError(
            f"cairosvg does not find the library Cairo ({str(error).splitlines()[0]}); install it, "
            "on Debian with: apt-get install libcairo2"
        ) from error

    def render(content: bytes) -> np.ndarray:
        png = cairosvg.svg2png(bytestring=content, output_width=SIZE, output_height=SIZE)
        drawn = Image.open(io.BytesIO(png)).convert("RGBA")
        page = Image.new("RGBA", (SIZE, SIZE), "white")
        page.alpha_composite(drawn)
        return np.asarray(page.convert("RGB"))

    return render


def arrays(files: Sequence[Drawing], render: Callable[[bytes], np.ndarray]) -> Arrays:
    """Render drawings, leave out what is alike, and split them.

    Args:
      files: as `drawings` gives them.
      render: makes uint8[64, 64, 3] of an SVG document; what it raises leaves the drawing out.
    """
    rendered = []
    for one in tqdm(files, desc="rendering", unit=" drawings", mininterval=2):
        try:
            rendered.append((one, render(one.content)))
        except Exception:  # malformed in one of many ways; the renderer names no common error
            continue
    alone = [rendered[i] for i in distinct(np.stack([image for _, image in rendered]))]
    persons = same_persons(one.creator for one, _ in alone)
    chosen = _chosen([one for one, _ in alone if one.category], persons)
    names = tuple(sorted({one.category for one in chosen}))
    counts = Counter(persons[one.creator] for one in chosen)
    splits: dict[str, list] = {"train": [], "validation": [], "test": [], "unlabelled": []}
    texts = texts_of([one for one, _ in alone])
    for (one, image), text in zip(alone, texts, strict=True):
        person = persons[one.creator]
        split = part_of(person, counts[person])
        drawn = {"image": image, "text": text, "group": person}
        if one in chosen:
            splits[split].append({**drawn, "label": np.int32(names.index(one.category))})
        if split == "train":
            splits["unlabelled"].append(drawn)
    found = {
        split: {name: _array(name, [one[name] for one in part]) for name in part[0]}
        for split, part in splits.items()
        if part
    }
    fields = {"image": image_field(found["train"]["image"]), "text": Field("text", (None,), "str")}
    return Arrays(found, fields, names)


def _array(name: str, values: list) -> np.ndarray:
    return objects(values) if name == "text" else np.array(values)


def _chosen(found: Sequence[Drawing], persons: Mapping[str, str]) -> set[Drawing]:
    """Return the drawings that have labels: no class too large or too small."""
    of_person, of_class = Counter(), defaultdict(list)
    for one in sorted(found, key=lambda one: hashlib.sha256(one.content).digest()):
        person = persons[one.creator], one.category
        of_person[person] += 1
        if not one.creator or of_person[person] <= OF_ONE_CREATOR:
            of_class[one.category].append(one)
    large = (members[:MOST] for members in of_class.values() if len(members) >= LEAST)
    return {one for members in large for one in members}


def distinct(images: np.ndarray) -> list[int]:
    """Return which images stay: those that are neither blank nor like an earlier one that stays.

    With x the ink of an image (how far each value lies below white) at 16 x 16 pixels, two images
    are alike if

        |x - y| <= 0.2 max(|x|, |y|)

    Args:
      images: uint8[n, h, w, 3] on white, h and w multiples of 16.
    """
    count, height, width, channels = images.shape
    ink = (255.0 - images).reshape(count, 16, height // 16, 16, width // 16, channels)
    ink = ink.mean(axis=(2, 4)).reshape(count, -1).astype(np.float32)
    sizes = np.square(ink).sum(axis=1)
    kept: list[int] = []
    held, held_sizes = np.empty_like(ink), np.empty_like(sizes)
    for i in range(count):
        if not sizes[i]:
            continue
        others = slice(0, len(kept))
        apart = held_sizes[others] + sizes[i] - 2 * held[others] @ ink[i]
        if (apart > ALIKE**2 * np.maximum(held_sizes[others], sizes[i])).all():
            held[len(kept)], held_sizes[len(kept)] = ink[i], sizes[i]
            kept.append(i)
    return kept


def same_persons(creators: Iterable[str]) -> dict[str, str]:
    """Return {creator: person}: a name of two words or more is also in longer ones.

    >>> same_persons(["ann b lee", "ann lee", "bob", "bob ray"])
    {'ann b lee': 'ann lee', 'ann lee': 'ann lee', 'bob': 'bob', 'bob ray': 'bob ray'}
    """
    words = {name: frozenset(name.split()) for name in sorted(set(creators))}
    shortest = sorted(words, key=lambda name: len(words[name]))
    return {
        name: next(
            (other for other in shortest if len(words[other]) > 1 and words[other] <= words[name]),
            name,
        )
        for name in words
    }


def part_of(person: str, count: int) -> str:
    """Return the split that a person's drawings belong to.

    Drawings of unknown creators, and those of the few who drew 100 or more, are train. Of the other
    persons half are test, a quarter validation and a quarter train, by a hash of their name.

    Args:
      person: see `same_persons`.
      count: of the person's drawings in the data set.
    """
    if not person or count >= PROLIFIC:
        return "train"
    hashed = hashlib.sha256(person.encode()).digest()[0] % 8
    return "test" if hashed % 2 == 0 else "validation" if hashed in (1, 3) else "train"
