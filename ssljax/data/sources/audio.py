r"""`audio:PATH`: sound files, of any lengths, nested as deep as one likes.

Splits, classes and groups are those of folders, as of `folder:`. Options follow a question mark:

    audio:speech?rate=16000            samples per second, to which all files are resampled; without
                                       it all files must have one rate
    audio:speech?channel=0             one channel; without it the mean of all
    audio:speech?label=1               the part of the path that is the class: 1 is the outermost
                                       folder of the split, the last is the file without its suffix;
                                       or a regular expression, whose first group is the class:
                                       label=_([a-z]%2B)$
    audio:speech?group=2               likewise, who or what each is of, such as a speaker
    audio:speech?transcripts=txt       what is said, the text "text" of each: of speech/a/1.flac the
                                       file speech/a/1.txt
    audio:speech?transcripts=trans.txt likewise, from lines "NAME TEXT" of files *.trans.txt in the
                                       folder of the sound, as LibriSpeech has them

In an expression write %2B for + and %26 for &. A file that cannot be decoded, is empty or silent,
has another rate, or lacks a transcript is refused, or left out under config.data.broken="skip".
Sets of up to 1 GiB of samples are decoded once; of others, each file is decoded when it is read.
"""

import concurrent.futures
import copy
import functools
import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ssljax.data import sound
from ssljax.data.sources.base import Options, Source, fingerprint_of
from ssljax.data.sources.documents import parsed
from ssljax.data.sources.faults import Faults, reported
from ssljax.data.sources.folder import Files
from ssljax.data.sources.in_memory import ArraySource
from ssljax.data.sources.paths import hash_of_files
from ssljax.data.sources.tokenized import objects
from ssljax.data.sources.transcripts import read_transcripts
from ssljax.data.sources.tree import read_tree
from ssljax.errors import UserError, optional_package, printable
from ssljax.spec import LABEL, Field

_OPTIONS = ("rate", "channel", "label", "group", "transcripts")
_TEXT = Field("text", (None,), "str")
_THREADS = 16  # decoding releases the interpreter


def open_audio(rest: str, options: Options) -> Source:
    """Open the sounds of one split of a folder.

    Raises:
      UserError: no such folder or split, an unknown option, files that cannot be read.
    """
    path, chosen = parsed(rest, "audio", _OPTIONS)
    optional_package("soundfile", "audio")
    tree = read_tree(path, options, sound.SUFFIXES, "sound")
    labels, names = tree.labels, tree.class_names
    if "label" in chosen:
        found = _parts(tree.files, chosen["label"], "label", options.name)
        names = sorted({*found, *_parts(tree.others, chosen["label"], "label", options.name)})
        places = {name: place for place, name in enumerate(names)}
        labels = np.array([places[name] for name in found])
    groups = tree.groups
    if "group" in chosen:
        groups = np.array(_parts(tree.files, chosen["group"], "group", options.name))
    rate = sound.checked_rate(chosen["rate"], options.name) if "rate" in chosen else 0
    channel = sound.checked_channel(chosen.get("channel"), options.name)
    files = Files(str(tree.top), tuple(tree.files))
    lengths, usual, faults = survey(files, rate, options)
    decode = functools.partial(sound.wave_of, rate=rate, channel=channel)
    content = hash_of_files([tree.top / name for name in tree.files])
    content = f"{content}, {sorted(chosen.items())}, {tree.files}" if chosen else content
    texts = None
    if "transcripts" in chosen:
        said, unsaid = read_transcripts(tree.top, tree.files, chosen["transcripts"], options.name)
        texts, content = objects(said), f"{content}, {digest_of(said)}"
        known = dict(faults)
        faults += [(name, why) for name, why in unsaid if name not in known]
        lacking = dict(faults)
        lengths = [0 if n in lacking else one for n, one in zip(tree.files, lengths, strict=True)]
    about = {"class_names": names, "groups": groups, "names": tree.files, "content": content}
    field = Field("audio", (None,), "int16", rate=float(rate or usual))
    if 2 * sum(lengths) > options.memory_limit:
        keep = np.array([i for i, length in enumerate(lengths) if length])
        report = reported(faults, len(files.names), "sound files", options)
        about |= {"texts": texts, "lengths": lengths}
        source = SoundSource(field, files.read, decode, options, labels, report=report, **about)
        return source if len(keep) == len(lengths) else source.taken(keep)
    waves, faults = decoded(files, decode, faults)
    report = reported(faults, len(files.names), "sound files", options)
    keep = np.array([i for i, wave in enumerate(waves) if wave is not None])
    about |= {"names": [tree.files[i] for i in keep]}
    about["groups"] = None if groups is None else groups[keep]
    if len(keep) < len(waves):
        about["content"] += f", without {[name for name, _ in faults]}"
    arrays = {
        "audio": objects([waves[i] for i in keep]),
        "label": None if labels is None else labels[keep],
    }
    fields = {"audio": field}
    if texts is not None:
        fields["text"], arrays["text"] = _TEXT, texts[keep]
    return ArraySource(fields, arrays, options, report=report, **about)


def digest_of(texts: Sequence[str]) -> str:
    """Return a hash of texts."""
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()


class SoundSource:
    """Sound files, decoded when they are read."""

    in_memory = False

    def __init__(
        self,
        field: Field,
        read: Callable[[int], bytes],
        decode: Callable[[bytes], tuple[np.ndarray, int]],
        options: Options,
        labels: np.ndarray | None,
        *,
        names: Sequence[str],
        content: str,
        class_names: Sequence[str] | None = None,
        groups: np.ndarray | None = None,
        report: str | None = None,
        texts: np.ndarray | None = None,
        lengths: Sequence[int] = (),
    ):
        """Hold functions that read the bytes of file i, and make a wave of them; and perhaps what
        is said in each, and how many samples each has."""
        self.name, self.split, self.report = options.name, options.split, report
        self.fields = {"audio": field}
        self.class_names = None if class_names is None else tuple(class_names)
        self.num_classes = None if class_names is None else len(class_names)
        if labels is not None:
            self.fields["label"] = LABEL.replace(classes=self.num_classes or 0)
        if texts is not None:
            self.fields["text"] = _TEXT
        self.groups, self.names = groups, names
        self.texts, self.lengths = texts, np.array(lengths)
        self._read, self._decode, self._labels, self._content = read, decode, labels, content
        self._chosen = np.arange(len(names))

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, index: int) -> dict[str, Any]:
        at = int(self._chosen[index])
        try:
            wave, _ = self._decode(self._read(at))
        except (OSError, ValueError) as error:
            raise UserError(
                f"the sound file {printable(self.names[index])} of {self.name} {error}; mend or "
                "remove it"
            ) from error
        label = {} if self._labels is None else {"label": int(self._labels[at])}
        text = {} if self.texts is None else {"text": self.texts[index]}
        return {"audio": wave, **label, **text}

    def taken(self, chosen: np.ndarray) -> "SoundSource":
        """Return the examples of these numbers, int[n], numbered anew from 0."""
        other = copy.copy(self)
        other._chosen = self._chosen[chosen]
        other.names = [self.names[number] for number in chosen]
        other.groups = None if self.groups is None else self.groups[chosen]
        other.texts = None if self.texts is None else self.texts[chosen]
        other.lengths = self.lengths[chosen]
        other._content = f"{self._content}, without {len(self) - len(chosen)}"
        return other

    def fingerprint(self) -> dict[str, Any]:
        return fingerprint_of(self, self._content)


def _parts(files: Sequence[str], where: str, key: str, what: str) -> list[str]:
    """Return a part of each path: a folder by its number from 1, or what an expression finds."""
    return [_part(file, where, key, what) for file in files]


def _part(file: str, where: str, key: str, what: str) -> str:
    stem = file.rpartition(".")[0]
    if where.isdecimal():
        parts = stem.split("/")
        if not 1 <= int(where) <= len(parts):
            raise UserError(
                f"{what}: {key}={where}, and the path {printable(file)!r} has {len(parts)} part(s)"
            )
        return parts[int(where) - 1]
    try:
        pattern = re.compile(where)
    except re.error as error:
        raise UserError(f"{what}: {key}={where!r} is no regular expression: {error}") from error
    if not pattern.groups:
        raise UserError(f"{what}: {key}={where!r} needs a group in brackets, such as ^(.*)_")
    found = pattern.search(stem)
    if found is None or found[1] is None:
        raise UserError(f"{what}: {key}={where!r} is not found in {printable(stem)!r}")
    return found[1]


def survey(files: Files, rate: int, options: Options) -> tuple[list[int], float, Faults]:
    """Return what the headers of files say: samples as read, the usual rate, and faults.

    A file with a fault has 0 samples.
    """
    faults: Faults = []

    def look(index: int) -> tuple[int, int] | str:
        try:
            return sound.length_of(files.path(index))
        except ValueError as error:
            return str(error)

    with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
        heads = list(pool.map(look, range(len(files.names))))
    rates = [head[1] for head in heads if not isinstance(head, str)]
    usual = max(sorted(set(rates)), key=rates.count, default=0)
    lengths = []
    for name, head in zip(files.names, heads, strict=True):
        why = head if isinstance(head, str) else ""
        if not why and not rate and head[1] != usual:
            why = (
                f"has {head[1]} samples per second, most others {usual}; to resample all, write "
                f"{options.name}{'&' if '?' in options.name else '?'}rate={usual}"
            )
        if why:
            faults.append((name, why))
            lengths.append(0)
        else:
            lengths.append(round(head[0] * (rate or usual) / head[1]))
    return lengths, usual, faults


def decoded(
    files: Files, decode: Callable[[bytes], tuple[np.ndarray, int]], faults: Faults
) -> tuple[list[np.ndarray | None], Faults]:
    """Return the waves, None of those with faults, and all faults in the order of the files."""
    known = dict(faults)

    def attempt(index: int) -> np.ndarray | str:
        name = files.names[index]
        if name in known:
            return known[name]
        try:
            return decode(files.read(index))[0]
        except (OSError, ValueError) as error:
            return str(error)

    with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
        made = list(pool.map(attempt, range(len(files.names))))
    found = [(n, one) for n, one in zip(files.names, made, strict=True) if isinstance(one, str)]
    return [None if isinstance(one, str) else one for one in made], found
