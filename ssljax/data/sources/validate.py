"""Look through encoded images when a set is opened: which are damaged, and how large they are."""

import concurrent.futures
import contextlib
import dataclasses
import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ssljax.data import images
from ssljax.data.decoder import Decoder
from ssljax.data.sources.base import Options, Source
from ssljax.data.sources.encoded import EncodedSource
from ssljax.data.sources.faults import left_out, listed
from ssljax.data.sources.in_memory import bytes_of, image_source
from ssljax.errors import UserError
from ssljax.spec import Field

_CHUNK = (
    4096  # images looked at before the results are put together; bounds the memory of a large set
)
TAIL = 64  # last bytes of a file that the fingerprint has: the checksum of a PNG's pixels, for one
_THREADS = 16  # reading waits for the disk; decoding releases the interpreter


@dataclasses.dataclass(frozen=True)
class Ends:
    """The first and last bytes of an encoded image, and its length."""

    head: bytes
    tail: bytes
    size: int


@dataclasses.dataclass(frozen=True)
class EncodedSet:
    """Encoded images not yet looked at: `read` gives all bytes, `ends` what a quick check needs.

    `beside` has fields that belong to the images, such as "text", and the values of each; `present`
    says by field which examples have it, where some do not, see `ssljax.spec.presence_of`.
    """

    names: Sequence[str]
    read: Callable[[int], bytes]
    ends: Callable[[int], Ends]
    labels: np.ndarray | None
    class_names: Sequence[str] | None = None
    groups: np.ndarray | None = None
    num_classes: int | None = None
    beside: Mapping[str, tuple[Field, np.ndarray]] = dataclasses.field(default_factory=dict)
    present: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)


def open_encoded(encoded: EncodedSet, options: Options) -> Source:
    """Check every image and return the source: as arrays if all are of one size and fit in memory.

    A small set is decoded whole, which finds any damage; in a larger one the ends of each file are
    looked at, which finds what is truncated, empty or no image.

    Raises:
      UserError: damaged images, under broken="refuse", or none that is whole.
    """
    with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
        found = _survey(encoded, options, pool)
        small = found.area * options.decoder.bytes_per_pixel <= options.memory_limit
        pixels = _decode_all(encoded, options, pool, found.damage) if small else None
    report = _report(encoded, found.damage, options)
    whole = np.array([i for i in range(len(encoded.names)) if i not in found.damage], np.int64)
    labels = None if encoded.labels is None else encoded.labels[whole]
    beside = {name: (field, array[whole]) for name, (field, array) in encoded.beside.items()}
    present = {name: one[whole] for name, one in encoded.present.items()}
    content = found.content
    for name in sorted(beside):
        content = _with(content, beside[name][1])
    for name in sorted(present):
        content += f", {name} {hashlib.sha256(present[name]).hexdigest()}"
    shared = {
        "beside": beside,
        "present": present,
        "class_names": encoded.class_names,
        "groups": None if encoded.groups is None else encoded.groups[whole],
        "num_classes": encoded.num_classes,
        "content": content,
        "report": report,
    }
    names = [encoded.names[i] for i in whole]
    if pixels is not None and len({image.shape for image in pixels}) == 1:
        return image_source(np.stack(pixels), labels, options, names=names, **shared)
    shape = (*found.shapes.pop(), options.decoder.channels) if len(found.shapes) == 1 else None
    read = _Chosen(encoded.read, whole)
    return EncodedSource(names, read, labels, options, image_shape=shape, decoded=pixels, **shared)


def _with(content: str, values: np.ndarray) -> str:
    digest = hashlib.sha256(content.encode())
    for value in values:
        digest.update(bytes_of(value))
    return digest.hexdigest()


def _decode_all(
    encoded: EncodedSet,
    options: Options,
    pool: concurrent.futures.Executor,
    damage: dict[int, str],
) -> list[np.ndarray]:
    """Return the pixels of whole images, adding to `damage` what turns out not to be whole."""

    def attempt(index: int) -> np.ndarray | str:
        try:
            return options.decoder(encoded.read(index))
        except OSError as error:
            return str(error)

    candidates = [i for i in range(len(encoded.names)) if i not in damage]
    decoded = list(pool.map(attempt, candidates))
    damage |= {i: d for i, d in zip(candidates, decoded, strict=True) if isinstance(d, str)}
    return [d for d in decoded if not isinstance(d, str)]


@dataclasses.dataclass
class _Survey:
    damage: dict[int, str]
    shapes: set[tuple[int, int]]
    area: int  # of all images, in pixels
    content: str


def _survey(encoded: EncodedSet, options: Options, pool: concurrent.futures.Executor) -> _Survey:
    found, digest, count = _Survey({}, set(), 0, ""), hashlib.sha256(), len(encoded.names)
    large = False  # once it is sure that no arrays will be made, sizes are no longer looked up
    for start in range(0, count, _CHUNK):
        numbers = range(start, min(start + _CHUNK, count))
        look_at = functools.partial(_look, encoded, options.decoder, large)
        for i, look in zip(numbers, pool.map(look_at, numbers), strict=True):
            label = -1 if encoded.labels is None else int(encoded.labels[i])
            entry = f"{encoded.names[i]}\0{label}\0"  # file names need not be UTF-8
            digest.update(entry.encode("utf-8", "surrogateescape") + look.content)
            if look.damage is not None:
                found.damage[i] = look.damage
            elif look.shape is not None:
                found.shapes.add(look.shape)
                found.area += look.shape[0] * look.shape[1]
        taken = found.area * options.decoder.bytes_per_pixel
        large = len(found.shapes) > 1 and taken > options.memory_limit
    found.content = digest.hexdigest()
    return found


@dataclasses.dataclass(frozen=True)
class _Chosen:
    """Read the image that is number i among those chosen."""

    read: Callable[[int], bytes]
    chosen: np.ndarray

    def __call__(self, index: int) -> bytes:
        return self.read(int(self.chosen[index]))


@dataclasses.dataclass(frozen=True)
class _Look:
    shape: tuple[int, int] | None
    damage: str | None
    content: bytes


def _look(encoded: EncodedSet, decoder: Decoder, large: bool, index: int) -> _Look:
    content = b""
    try:
        ends = encoded.ends(index)
        content = str(ends.size).encode() + ends.tail[-TAIL:]
        if ends.size == 0:
            return _Look(None, "empty", content)
        if images.looks_whole(ends.head, ends.tail, ends.size):
            if large:
                return _Look(None, None, content)
            return _Look(_size(encoded, decoder, ends, index), None, content)
        return _Look(decoder(encoded.read(index)).shape[:2], None, content)
    except OSError as error:
        return _Look(None, str(error), content)


def _size(encoded: EncodedSet, decoder: Decoder, ends: Ends, index: int) -> tuple[int, int]:
    if not images.turned_at_the_end(ends.head, ends.tail):
        with contextlib.suppress(OSError):  # the header may be longer than the head
            return decoder.size(ends.head)
    return decoder.size(encoded.read(index))


def _report(encoded: EncodedSet, damage: dict[int, str], options: Options) -> str | None:
    count = len(encoded.names)
    if not damage:
        return None
    named = listed([(encoded.names[i], damage[i]) for i in sorted(damage)], "{} ({})")
    found = f"{len(damage)} of {count} images of {options.name} cannot be decoded: {named}"
    if options.broken == "refuse":
        raise UserError(f"{found}. Mend or remove them, or leave them out with broken='skip'")
    if len(damage) == count:
        raise UserError(f"none of the images can be decoded: {found}")
    return left_out(found)
