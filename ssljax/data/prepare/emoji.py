"""Emoji of three vendors with their English names, from npm: images of 64x64 pixels with text.

An emoji (with its skin tones) is in one of three parts by a hash of its code: a fifth is test, a
tenth validation, the rest train. The third vendor is held out:

| split | emoji | vendors |
|---|---|---|
| train, validation, test | of the part | Google (Noto) and Twitter (Twemoji) |
| vendor | of train | Microsoft (Fluent, 3D) |
| both | of test | Microsoft |

The class is the group of Unicode that an emoji is in, "group" is the vendor, the text is the name
in the CLDR of Unicode, such as "waving hand: light skin tone".
"""

import hashlib
import io
import json
import pathlib
from collections.abc import Mapping

import numpy as np
from PIL import Image

from ssljax.data.images import image_field
from ssljax.data.prepare.npm import Tarball, contents
from ssljax.data.sources.arrays import Arrays
from ssljax.data.sources.tokenized import objects
from ssljax.errors import UserError
from ssljax.spec import Field

SIZE = 64  # pixels
GOOGLE = Tarball(
    "emoji-datasource-google",
    "16.0.0",
    "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438",
    "Apache-2.0 (Noto)",
)
TWITTER = Tarball(
    "emoji-datasource-twitter",
    "16.0.0",
    "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877",
    "CC BY 4.0 (Twemoji)",
)
MICROSOFT = Tarball(
    "@lobehub/fluent-emoji-3d",
    "1.1.0",
    "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58",
    "MIT (Fluent Emoji)",
)
NAMES = Tarball(
    "emojibase-data",
    "17.0.0",
    "d01d0e2ca4e22cb402679532155342c71e2e871f25c32223c013b8b166ebdf5a",
    "MIT (emojibase)",
)
TARBALLS = (GOOGLE, TWITTER, MICROSOFT, NAMES)
_FOLDERS = {
    "google": (GOOGLE, "img/google/64/"),
    "twitter": (TWITTER, "img/twitter/64/"),
    "microsoft": (MICROSOFT, "assets/"),
}
_LEFT_OUT = "Component"  # skin tones and hair by themselves


def read_emoji(packages: Mapping[Tarball, pathlib.Path]) -> Arrays:
    """Return the images with names and groups.

    Args:
      packages: the file of each of `TARBALLS`.

    Raises:
      UserError: a package does not hold what it should.
    """
    images: dict[str, dict[str, bytes]] = {}
    described = b""
    for vendor, (tarball, folder) in _FOLDERS.items():
        images[vendor] = {}
        for name, content in contents(packages[tarball]):
            if name.startswith(folder):
                images[vendor][code_of(pathlib.PurePosixPath(name).stem)] = content
            elif vendor == "google" and name == "emoji.json":
                described = content
    names = next(
        (content for name, content in contents(packages[NAMES]) if name == "en/data.json"), b""
    )
    if not described or not names:
        raise UserError("the packages of emoji hold no emoji.json or no en/data.json")
    return arrays(images, json.loads(described), json.loads(names))


def arrays(images: Mapping[str, Mapping[str, bytes]], described: list, named: list) -> Arrays:
    """Return the splits.

    Args:
      images: files by vendor and code.
      described: emoji.json of emoji-datasource.
      named: data.json of emojibase.
    """
    texts = {
        code_of(one["hexcode"]): one["label"]
        for emoji in named
        for one in (emoji, *emoji.get("skins", ()))
    }
    kinds: dict[str, tuple[str, str]] = {}  # group and the code without skin tone, by code
    for emoji in described:
        if emoji["category"] != _LEFT_OUT:
            for one in (emoji, *emoji.get("skin_variations", {}).values()):
                kinds[code_of(one["unified"])] = emoji["category"], code_of(emoji["unified"])
    classes = tuple(sorted({group for group, _ in kinds.values()}))
    splits: dict[str, list] = {}
    for vendor, files in images.items():
        for code in sorted(files.keys() & kinds.keys() & texts.keys()):
            group, base = kinds[code]
            split = part_of(base)
            if vendor == "microsoft":
                if split == "validation":
                    continue
                split = "vendor" if split == "train" else "both"
            row = (pixels(files[code]), classes.index(group), texts[code], vendor)
            splits.setdefault(split, []).append(row)
    found = {}
    for split, rows in splits.items():
        images_, labels, own, vendors = zip(*rows, strict=True)
        found[split] = {
            "image": np.stack(images_),
            "label": np.array(labels, np.int32),
            "text": objects(own),
            "group": np.array(vendors),
        }
    fields = {"image": image_field(found["train"]["image"]), "text": Field("text", (None,), "str")}
    return Arrays(found, fields, classes)


def code_of(name: str) -> str:
    """Return the code of an emoji in a form that can be compared.

    >>> code_of("0023-FE0F-20E3")
    '0023-20e3'
    """
    return name.lower().replace("-fe0f", "")


def part_of(code: str) -> str:
    """Return the part that an emoji belongs to, by its code without skin tone."""
    hashed = hashlib.sha256(code.encode()).digest()[0] % 10
    return "test" if hashed < 2 else "validation" if hashed == 2 else "train"


def pixels(content: bytes) -> np.ndarray:
    """Return uint8[64, 64, 3] of an image file, on white."""
    image = Image.open(io.BytesIO(content)).convert("RGBA")
    page = Image.new("RGBA", image.size, "white")
    page.alpha_composite(image)
    drawn = page.convert("RGB")
    if drawn.size != (SIZE, SIZE):
        drawn = drawn.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    return np.asarray(drawn)
