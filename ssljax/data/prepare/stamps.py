"""Tux Paint's stamps (Debian's tuxpaint-stamps-default): drawings and photos with captions.

The caption is the first line of X.txt, in English; X.png is brought to 64x64 pixels on white, whole
and in its proportions. The class is the folder at the top: animals, food, plants, ...; "group" is
the folder that a stamp lies in. A quarter of the captions is test, a tenth validation, by a hash:
equal captions are in one split.
"""

import hashlib
import pathlib

import numpy as np
from PIL import Image

from ssljax.data.images import image_field
from ssljax.data.prepare.debian import Package
from ssljax.data.sources.arrays import Arrays
from ssljax.data.sources.tokenized import objects
from ssljax.errors import UserError
from ssljax.spec import Field

PACKAGE = Package("tuxpaint-stamps-default", "GPL-2")
FOLDER = "usr/share/tuxpaint/stamps"
SIZE = 64  # pixels


def read_stamps(package: pathlib.Path) -> Arrays:
    """Return the images with their captions.

    Raises:
      UserError: the package holds no stamps.
    """
    top = package / FOLDER
    rows: dict[str, list] = {}
    for file in sorted(top.rglob("*.png")):
        text = caption(file.with_suffix(".txt"))
        if text:
            path = file.relative_to(top)
            row = (pixels(file), path.parts[0], text, str(path.parent))
            rows.setdefault(part_of(text), []).append(row)
    if "train" not in rows:
        raise UserError(f"the Debian package {PACKAGE.name} holds no stamps in {FOLDER}")
    classes = tuple(sorted({name for own in rows.values() for _, name, _, _ in own}))
    splits = {}
    for split, own in rows.items():
        images, names, texts, folders = zip(*own, strict=True)
        splits[split] = {
            "image": np.stack(images),
            "label": np.array([classes.index(name) for name in names], np.int32),
            "text": objects(texts),
            "group": np.array(folders),
        }
    fields = {"image": image_field(splits["train"]["image"])}
    return Arrays(splits, {**fields, "text": Field("text", (None,), "str")}, classes)


def caption(file: pathlib.Path) -> str:
    """Return the English caption of a stamp, "" if it has none."""
    if not file.is_file():
        return ""
    lines = file.read_text("utf-8", "replace").splitlines()
    return " ".join(lines[0].split()) if lines else ""


def part_of(text: str) -> str:
    """Return the split of a caption."""
    hashed = hashlib.sha256(text.lower().encode()).digest()[0] % 20
    return "test" if hashed < 5 else "validation" if hashed < 7 else "train"


def pixels(file: pathlib.Path) -> np.ndarray:
    """Return uint8[64, 64, 3] of an image, whole, in its proportions, on white."""
    with Image.open(file) as image:
        drawn = image.convert("RGBA")
    drawn.thumbnail((SIZE, SIZE), Image.Resampling.LANCZOS)
    page = Image.new("RGBA", (SIZE, SIZE), "white")
    page.alpha_composite(drawn, ((SIZE - drawn.width) // 2, (SIZE - drawn.height) // 2))
    return np.asarray(page.convert("RGB"))
