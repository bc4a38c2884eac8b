"""`pairs:PATH`: images with captions and sounds, by a manifest of JSON objects, one in each line.

    {"id": 7, "image": "photos/7.jpg", "text": "a red car"}
    {"id": 8, "image": "photos/8.jpg", "text": ["a blue car", "a car in the rain"]}
    {"id": 9, "image": "photos/9.jpg", "text": {"en": "a bicycle", "de": ["ein Fahrrad"]}}
    {"id": 10, "image": "photos/10.jpg", "text": "a dog", "audio": "said/10.ogg"}
    {"id": 11, "image": "photos/11.jpg", "audio": {"en": "said/11_en.ogg", "de": "said/11_de.ogg"}}

PATH is one manifest, which is all train; or a folder with files or folders of the names of splits:
train.jsonl, test.jsonl. Paths of images and sounds start from the folder of the manifest. Of
several captions or sounds training draws one at each step, and evaluation takes the first. Options
follow a question mark:

    pairs:cars.jsonl?language=en      captions and sounds of these languages only; en,de for several
    pairs:cars.jsonl?fields=image     what every line must have: image, text, audio (default: those
                                      that any line of the split has); others are left out
    pairs:cars.jsonl?optional=text    which of them a line may lack; several by comma
    pairs:cars.jsonl?rate=16000       samples per second, to which all sounds are resampled
    pairs:cars.jsonl?channel=0        one channel of sounds; without it the mean of all
    pairs:cars.jsonl?label=maker      a key is the label: a string, a number, a list of numbers
    pairs:cars.jsonl?group=owner      who or what each is of, see docs/fields.md

A line without a field that is needed is refused, or left out under config.data.broken="skip". One
without an optional field holds that of an earlier line in its place, and "NAME.present" says so,
see `ssljax.spec.presence_of`. An id (without one: the path of the image) may be in one split only.
Up to 1 GiB of samples of sounds are decoded once; of more, each is decoded when it is read.
"""

import dataclasses
import functools
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ssljax.data import sound
from ssljax.data.sources.audio import decoded, survey
from ssljax.data.sources.base import Options, Source
from ssljax.data.sources.documents import (
    Documents,
    files_of,
    is_label,
    numbers_of_labels,
    parsed,
    report_of,
)
from ssljax.data.sources.folder import Files
from ssljax.data.sources.in_memory import ArraySource
from ssljax.data.sources.paths import existing, find_split
from ssljax.data.sources.records import records
from ssljax.data.sources.tokenized import objects
from ssljax.data.sources.validate import EncodedSet, open_encoded
from ssljax.errors import UserError, optional_package, unknown
from ssljax.spec import PRESENCE, Field, presence_of

FIELDS = ("image", "text", "audio")
_OPTIONS = ("language", "fields", "optional", "label", "group", "rate", "channel")


def open_pairs(rest: str, options: Options) -> Source:
    """Open one split of a manifest.

    Raises:
      UserError: no file, an unknown option, lines that cannot be read, an id in two splits.
    """
    path, chosen = parsed(rest, "pairs", _OPTIONS)
    root = existing(path, "manifest or folder of manifests")
    files = files_of(root, (".jsonl", ".json"), "manifest")
    split = find_split(options, files)
    lines: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    faults = Documents()
    for one, own in files.items():
        found = faults if one == split else Documents()
        lines[one] = [
            (where, {**record, "folder": file.parent})
            for file in own
            for where, record in records(file, found)
        ]
    require_apart({one: [_id(*line) for line in own] for one, own in lines.items()}, options.name)
    wanted = _fields(chosen, lines[split], options.name)
    optional = _optional(chosen, wanted)
    sounds = _Sounds({}, 0.0)
    if "audio" in wanted:
        sounds = _sounds((record for _, record in lines[split]), chosen, options)
    rows, texts, waves, present = [], [], [], {name: [] for name in optional}
    for where, record in lines[split]:
        try:
            has = [name for name in wanted if name not in optional or record.get(name) is not None]
            if not has:
                raise ValueError(f"there is neither {' nor '.join(map(repr, wanted))}")
            _require_image(record, where, has)
            text = captions(record.get("text"), chosen) if "text" in has else ()
            said = sounds.of(record, chosen) if "audio" in has else ()
            _require_label(record, chosen)
        except ValueError as fault:
            faults.faults.append((where, str(fault)))
            continue
        rows.append(record)
        texts.append(text)
        waves.append(said)
        for name, flags in present.items():
            flags.append(name in has)
    faults.texts = ["a pair"] * len(rows)
    report = report_of(faults, options)
    present = {name: np.array(flags) for name, flags in present.items()}
    if present:
        report = "\n".join(filter(None, (report, _report_pairs(present, wanted, options.name))))
    paths = [str(one["folder"] / one["image"]) if one.get("image") else "" for one in rows]
    if "text" in present:
        texts = _filled(texts, present["text"])
    if "audio" in present:
        waves = _filled(waves, present["audio"])
    if "image" in present:
        paths = _filled(paths, present["image"])
    labels = names = groups = None
    if "label" in chosen:
        every = {
            one: [record[chosen["label"]] for _, record in own if _has_label(record, chosen)]
            for one, own in lines.items()
        }
        every[split] = [record[chosen["label"]] for record in rows]
        every = {one: own for one, own in every.items() if own}
        labels, names = numbers_of_labels(every, split, options.name)
    if "group" in chosen:
        groups = np.array([record[chosen["group"]] for record in rows])
    beside = {"text": text_of(texts)} if "text" in wanted else {}
    if "audio" in wanted:
        beside["audio"] = _sound_of(waves, sounds.rate)
    return _source(
        paths if "image" in wanted else None,
        beside,
        options,
        labels=labels,
        class_names=names,
        groups=groups,
        report=report,
        present=present,
    )


def _source(
    images: Sequence[str] | None,
    beside: Mapping[str, tuple[Field, np.ndarray]],
    options: Options,
    *,
    labels: np.ndarray | None,
    class_names: Sequence[str] | None,
    groups: np.ndarray | None,
    report: str | None,
    present: Mapping[str, np.ndarray],
) -> Source:
    """Return the source of images by their paths, None for none, and of further fields.

    `present` says by field which examples have it, where some do not.
    """
    if images is None:
        fields = {name: field for name, (field, _) in beside.items()}
        arrays = {name: array for name, (_, array) in beside.items()}
        fields |= {presence_of(name): PRESENCE for name in present}
        arrays |= {presence_of(name): flags for name, flags in present.items()}
        about = {"class_names": class_names, "groups": groups, "report": report}
        return ArraySource(fields, {**arrays, "label": labels}, options, **about)
    if labels is not None and labels.dtype != np.int32:
        raise UserError(f"{options.name}: labels of images must be strings or whole numbers")
    on_disk = Files("", tuple(images))
    further = {"beside": beside, "present": present}
    encoded = EncodedSet(images, on_disk.read, on_disk.ends, labels, class_names, groups, **further)
    source = open_encoded(encoded, options)
    source.report = "\n".join(filter(None, (report, source.report))) or None
    return source


def require_apart(ids: Mapping[str, Sequence[str]], what: str) -> None:
    """Raise a UserError if an id is in two splits."""
    seen: dict[str, str] = {}
    for split, own in ids.items():
        for one in own:
            if seen.setdefault(one, split) != split:
                raise UserError(
                    f"{what}: {one} is in {seen[one]!r} and in {split!r}, so that what is trained "
                    "on would be tested on; keep one of them"
                )


def captions(found: Any, chosen: Mapping[str, str]) -> tuple[str, ...]:
    """Return the captions of an example.

    Args:
      found: a string, a list of strings, or a mapping from languages to such.
      chosen: options; of a mapping only those of "language" count.

    Raises:
      ValueError: there is none, or it is no text.
    """
    return _strings(found, chosen, "text", "caption")


def _strings(found: Any, chosen: Mapping[str, str], key: str, what: str) -> tuple[str, ...]:
    if isinstance(found, Mapping):
        languages = chosen["language"].split(",") if "language" in chosen else list(found)
        if missing := [one for one in languages if not found.get(one)]:
            raise ValueError(f"{key!r} has no {what} in {missing[0]!r}; it has: {', '.join(found)}")
        return tuple(one for each in languages for one in _strings(found[each], {}, key, what))
    if isinstance(found, str):
        found = [found]
    if not isinstance(found, list) or not found:
        raise ValueError(f"{key!r} is missing" if found is None else f"{key!r} is no {what}")
    if not all(isinstance(one, str) for one in found):
        raise ValueError(f"{key!r} holds something that is no string")
    if not all(one.strip() for one in found):
        raise ValueError(f"a {what} is empty")
    return tuple(found)


@dataclasses.dataclass(frozen=True)
class _Sounds:
    """The sounds of a manifest.

    Attributes:
      found: by path: samples, a file to be decoded when it is read, or what is wrong with it.
      rate: samples per second.
    """

    found: Mapping[str, np.ndarray | sound.SoundFile | str]
    rate: float

    def of(self, record: Mapping[str, Any], chosen: Mapping[str, str]) -> tuple[Any, ...]:
        """Return the sounds of a line.

        Raises:
          ValueError: there is none, or one that cannot be read.
        """
        names = _strings(record.get("audio"), chosen, "audio", "sound")
        made = [self.found[str(record["folder"] / name)] for name in names]
        for name, one in zip(names, made, strict=True):
            if isinstance(one, str):
                raise ValueError(f"the sound {name}: {one}")
        return tuple(made)


def _sounds(
    records: Iterable[Mapping[str, Any]], chosen: Mapping[str, str], options: Options
) -> _Sounds:
    """Read the sounds that lines name."""
    optional_package("soundfile", "audio")
    rate = sound.checked_rate(chosen["rate"], options.name) if "rate" in chosen else 0
    channel = sound.checked_channel(chosen.get("channel"), options.name)
    wanted: dict[str, None] = {}
    for record in records:
        try:
            names = _strings(record.get("audio"), chosen, "audio", "sound")
        except ValueError:
            continue  # is reported with its line
        wanted |= dict.fromkeys(str(record["folder"] / name) for name in names)
    found: dict[str, Any] = {path: "there is no such file" for path in wanted}
    files = Files("", tuple(path for path in wanted if os.path.isfile(path)))
    lengths, usual, faults = survey(files, rate, options)
    if 2 * sum(lengths) > options.memory_limit:
        at = {
            path: sound.SoundFile(path, os.path.getsize(path), rate, channel)
            for path in files.names
        }
        found |= at
    else:
        decode = functools.partial(sound.wave_of, rate=rate, channel=channel)
        waves, faults = decoded(files, decode, faults)
        found |= dict(zip(files.names, waves, strict=True))
    return _Sounds(found | dict(faults), float(rate or usual))


def _sound_of(waves: Sequence[tuple[Any, ...]], rate: float) -> tuple[Field, np.ndarray]:
    """Return field and sounds: of two sides where an example has several, or files to decode."""
    if all(len(one) == 1 and isinstance(one[0], np.ndarray) for one in waves):
        return Field("audio", (None,), "int16", rate=rate), objects([wave for (wave,) in waves])
    return Field("audio", (None, None), "int16", rate=rate), objects(waves)


def text_of(texts: Sequence[tuple[str, ...]]) -> tuple[Field, np.ndarray]:
    """Return field and texts: strings where every example has one, else tuples of strings."""
    if all(len(one) == 1 for one in texts):
        return Field("text", (None,), "str"), objects([one for (one,) in texts])
    return Field("text", (None, None), "str"), objects(texts)


def _fields(
    chosen: Mapping[str, str], lines: Sequence[tuple[str, Mapping[str, Any]]], what: str
) -> list[str]:
    """Return the fields that every line must have."""
    if "fields" in chosen:
        wanted = chosen["fields"].split(",")
        for name in wanted:
            if name not in FIELDS:
                raise unknown("field of a pairs: source", name, FIELDS)
        return wanted
    found = [name for name in FIELDS if any(name in record for _, record in lines)]
    if not found:
        raise UserError(f"{what}: no line has an image, a text or a sound")
    return found


def _optional(chosen: Mapping[str, str], wanted: Sequence[str]) -> list[str]:
    """Return the fields that a line may lack."""
    found = chosen["optional"].split(",") if "optional" in chosen else []
    for name in found:
        if name not in wanted:
            raise unknown("optional field of a pairs: source", name, wanted)
    if found and len(wanted) < 2:
        raise UserError(
            f"optional={chosen['optional']} leaves nothing that every line has; the lines have "
            f"{wanted[0]!r} alone"
        )
    return found


def _report_pairs(present: Mapping[str, np.ndarray], wanted: Sequence[str], what: str) -> str:
    """Return a line about how many examples are complete, and refuse a set that pairs nothing."""
    whole = np.logical_and.reduce([*present.values()])
    lacking = ", ".join(f"{np.sum(~flags):,} without {name!r}" for name, flags in present.items())
    complete = "are pairs" if len(wanted) == 2 else f"have all of {', '.join(wanted)}"
    said = f"{what}: {np.sum(whole):,} of {len(whole):,} examples {complete}; {lacking}"
    everywhere = np.ones(len(whole), bool)
    count = np.sum([present.get(name, everywhere) for name in wanted], axis=0)
    for name in wanted:  # a field may be missing beside another, not beside all others
        if not np.any(present.get(name, everywhere) & (count > 1)):
            alone = f"; none has {name!r} and another field" if len(wanted) > 2 else ""
            raise UserError(f"{said}{alone}; nothing can be learned from them")
    return said


def _filled(values: Sequence[Any], present: np.ndarray) -> list[Any]:
    """Return the values with that of the nearest earlier example where there is none, at the start
    with the first that there is."""
    numbers = np.where(present, np.arange(len(present)), -1)
    nearest = np.maximum.accumulate(numbers)
    nearest[nearest < 0] = np.argmax(present)
    return [values[number] for number in nearest]


def _require_image(record: Mapping[str, Any], where: str, wanted: Sequence[str]) -> None:
    if "image" not in wanted:
        return
    image = record.get("image")
    if not isinstance(image, str) or not image:
        raise ValueError("'image' is missing" if image is None else "'image' is no path")
    if not (record["folder"] / image).is_file():
        raise ValueError(f"the file {image} does not exist")


def _has_label(record: Mapping[str, Any], chosen: Mapping[str, str]) -> bool:
    return record.get(chosen["label"]) is not None and is_label(record[chosen["label"]])


def _require_label(record: Mapping[str, Any], chosen: Mapping[str, str]) -> None:
    for role in ("label", "group"):
        if role in chosen and record.get(chosen[role]) is None:
            raise ValueError(f"{chosen[role]!r} is missing")
    if "label" in chosen and not _has_label(record, chosen):
        raise ValueError(f"{chosen['label']!r} is no string or number")


def _id(where: str, record: Mapping[str, Any]) -> str:
    if "id" in record:
        return f"the id {record['id']!r}"
    if isinstance(record.get("image"), str):
        return f"the image {(record['folder'] / record['image']).resolve()}"
    return where
