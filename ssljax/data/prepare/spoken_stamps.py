"""Tux Paint's stamps with what is said of them (Debian's tuxpaint-stamps-default), at 16 kHz.

Images, captions and splits are those of `stamps`. Each of five languages has one voice and one
recording; a stamp counts as spoken if it has all five, so that neither the language nor its channel
tells anything about an image. "train" and "validation" have a row for each stamp, with what French,
Romanian, Russian and Bulgarian say of it: one is drawn at each step. Stamps that are not spoken are
kept for their captions, without sound. "test" has a row for each stamp and language, of captions
that are never seen in training. "spanish" has the stamps of "train" in the fifth language. In the
last two the group is the language.
"""

import pathlib

import numpy as np

from ssljax.data.images import image_field
from ssljax.data.prepare.debian import Package
from ssljax.data.prepare.stamps import FOLDER, caption, part_of, pixels
from ssljax.data.prepare.stamps import PACKAGE as STAMPS
from ssljax.data.prepare.waves import wave_in
from ssljax.data.sources.arrays import Arrays
from ssljax.data.sources.tokenized import objects
from ssljax.errors import UserError
from ssljax.spec import PRESENCE, Field, presence_of

PACKAGE = Package(STAMPS.name, STAMPS.licence)
RATE = 16_000
LANGUAGES = ("fr", "ro", "ru", "bg")
FURTHER = "es"  # held out


def read_spoken_stamps(package: pathlib.Path) -> Arrays:
    """Return the images with their captions and sounds.

    Raises:
      UserError: the package holds no stamps with sound, or a damaged file.
    """
    top = package / FOLDER
    rows: dict[str, list] = {"train": [], "validation": [], "test": [], "spanish": []}
    for file in sorted(top.rglob("*.png")):
        text = caption(file.with_suffix(".txt"))
        if not text:
            continue
        image, part, kind = pixels(file), part_of(text), file.relative_to(top).parts[0]
        said = {one: file.with_name(f"{file.stem}_desc_{one}.ogg") for one in (*LANGUAGES, FURTHER)}
        if not all(one.is_file() for one in said.values()):
            if part != "test":
                rows[part].append((image, kind, text, (), ""))
            continue
        waves = {language: wave_in(one, RATE) for language, one in said.items()}
        if part == "test":
            rows[part] += [(image, kind, text, (waves[one],), one) for one in LANGUAGES]
            continue
        rows[part].append((image, kind, text, tuple(waves[one] for one in LANGUAGES), ""))
        if part == "train":
            rows["spanish"].append((image, kind, text, (waves[FURTHER],), FURTHER))
    if not all(rows.values()):
        raise UserError(f"the Debian package {PACKAGE.name} holds no spoken stamps in {FOLDER}")
    classes = tuple(sorted({kind for own in rows.values() for _, kind, *_ in own}))
    splits = {}
    for split, own in rows.items():
        images, kinds, texts, waves, groups = zip(*own, strict=True)
        any_wave = next(one for one in waves if one)  # stands where there is none
        splits[split] = {
            "image": np.stack(images),
            "label": np.array([classes.index(kind) for kind in kinds], np.int32),
            "text": objects(texts),
            "audio": objects([one or any_wave[:1] for one in waves]),
            presence_of("audio"): np.array([bool(one) for one in waves]),
        }
        if all(groups):
            splits[split]["group"] = np.array(groups)
    fields = {
        "image": image_field(splits["train"]["image"]),
        "text": Field("text", (None,), "str"),
        "audio": Field("audio", (None, None), "int16", rate=float(RATE)),
        presence_of("audio"): PRESENCE,
    }
    return Arrays(splits, fields, classes)
