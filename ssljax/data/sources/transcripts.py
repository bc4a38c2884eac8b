"""What is said in sounds: a text for each, from files beside them."""

import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ssljax.data.sound import SoundFile
from ssljax.data.sources.base import Source
from ssljax.data.sources.faults import Faults, left_out, listed
from ssljax.data.sources.subset import Subset
from ssljax.errors import UserError, unknown


def read_transcripts(
    top: pathlib.Path, files: Sequence[str], form: str, what: str
) -> tuple[list[str], Faults]:
    """Return the transcript of each sound file, and the faults of those that have none.

    White space of any length becomes one space; that around a transcript is left out.

    Args:
      top: folder of the sounds.
      files: their paths below it.
      form: "txt": a file of the sound's name beside it, which ends in .txt; "trans.txt": a line
        "NAME TEXT" in a file of its folder that ends in .trans.txt (LibriSpeech).
      what: for messages, such as the name of the data set.

    Raises:
      UserError: there is no such form.
    """
    if form not in _READ:
        raise unknown(f"form of transcripts of {what}", form, _READ)
    found: list[str] = []
    faults: Faults = []
    for name, text in zip(files, _READ[form](top, files), strict=True):
        if isinstance(text, ValueError):
            faults.append((name, str(text)))
            text = ""
        elif not (text := " ".join(text.split())):
            faults.append((name, "its transcript is empty"))
        found.append(text)
    return found, faults


def _own_files(top: pathlib.Path, files: Sequence[str]) -> list[str | ValueError]:
    def read(name: str) -> str | ValueError:
        file = top / (os.path.splitext(name)[0] + ".txt")
        try:
            return file.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            return ValueError(f"has no transcript: there is no file {file.name} beside it")
        except UnicodeDecodeError:
            return ValueError(f"its transcript {file.name} is no UTF-8")

    return list(map(read, files))


def _lists(top: pathlib.Path, files: Sequence[str]) -> list[str | ValueError]:
    folders = {name.rpartition("/")[0] for name in files}
    lines = {folder: _lines(top / folder) for folder in folders}
    missing = ValueError(
        "has no transcript: no line of a .trans.txt beside it begins with its name"
    )
    made = []
    for name in files:
        folder, _, file = name.rpartition("/")
        made.append(lines[folder].get(os.path.splitext(file)[0], missing))
    return made


def _lines(folder: pathlib.Path) -> dict[str, str | ValueError]:
    """Return the transcripts that the lists of a folder name, or what is wrong with each."""
    found: dict[str, str | ValueError] = {}
    for file in sorted(folder.glob("*.trans.txt")):
        for number, line in enumerate(file.read_bytes().splitlines(), 1):
            first, *rest = line.split(maxsplit=1) or [b""]
            name = first.decode(errors="replace")
            try:
                text = rest[0].decode() if rest else ""
            except UnicodeDecodeError:
                text = ValueError(f"its transcript, line {number} of {file.name}, is no UTF-8")
            if name in found:
                text = ValueError(
                    f"has two transcripts, the second in line {number} of {file.name}"
                )
            found[name] = text
    return found


_READ: dict[str, Callable[[pathlib.Path, Sequence[str]], list[str | ValueError]]] = {
    "txt": _own_files,
    "trans.txt": _lists,
}


def transcripts_of(source: Source) -> Sequence[Any] | None:
    """Return the text of each example of a source, which has sounds; None where there are none."""
    modalities = {field.modality for field in source.fields.values()}
    if not {"audio", "text"} <= modalities:
        return None
    name = next(name for name, field in source.fields.items() if field.modality == "text")
    texts = getattr(source, "arrays", {}).get(name, getattr(source, "texts", None))
    if texts is not None and any(not isinstance(text, str) for text in texts):
        raise UserError(
            f"config.data.labels='letters': some sounds of {source.name} have several texts or ids "
            "of words; each must have one transcript, in letters"
        )
    return texts


def whole_sounds(source: Source, length: int | None, broken: str) -> Source:
    """Return the examples whose sound is no longer than a window: transcripts are of whole sounds.

    Args:
      source: of sounds with transcripts.
      length: samples of the window; None: there is none.
      broken: "refuse", or "skip" to leave out those that are longer.

    Raises:
      UserError: some are longer, under "refuse", or all.
    """
    lengths = _lengths(source)
    if length is None or max(lengths) <= length:
        return source
    names = names_of(source)
    long = [(names[i], f"{n:,} samples") for i, n in enumerate(lengths) if n > length]
    said = (
        f"{len(long):,} of {len(lengths):,} sounds of {source.name} in {source.split!r}, longer "
        f"than the window of config.data.length={length}, with transcripts of the whole: "
        f"{listed(long)}"
    )
    if broken == "refuse" or len(long) == len(lengths):
        raise UserError(
            f"cannot use {said}. Set config.data.length={max(lengths)}, that of the longest, or "
            "leave them out with config.data.broken='skip'"
        )
    kept = np.flatnonzero(np.asarray(lengths) <= length)
    made = source.taken(kept) if hasattr(source, "taken") else Subset(source, kept)
    made.report = "\n".join(filter(None, (source.report, left_out(said))))
    return made


def names_of(source: Source) -> Sequence[str]:
    """Return the names of the examples, such as those of files."""
    names = getattr(source, "names", None)
    return [f"example {number}" for number in range(len(source))] if names is None else names


def _lengths(source: Source) -> Sequence[int]:
    """Return the samples of each sound."""
    if (lengths := getattr(source, "lengths", None)) is not None:
        return lengths
    return [
        max(map(_samples, one)) if isinstance(one, tuple) else len(one) for one in _waves(source)
    ]


def _waves(source: Source) -> Sequence[Any]:
    name = next(name for name, field in source.fields.items() if field.modality == "audio")
    return source.arrays[name]


def _samples(sound: np.ndarray | SoundFile) -> int:
    return sound.samples if isinstance(sound, SoundFile) else len(sound)
