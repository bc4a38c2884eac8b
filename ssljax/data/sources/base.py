"""What a data set looks like to the rest of the code, and the two ways to hold one."""

import concurrent.futures
import copy
import dataclasses
import functools
import hashlib
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from ssljax.data import images
from ssljax.data.sources.labels import checked
from ssljax.errors import UserError, printable

MEMORY_LIMIT = 2**30  # bytes of pixels up to which a set is decoded once and kept as arrays


class Source(Protocol):
    """A data set with random access. Being unlabelled is normal; labels are for evaluation."""

    spec: str  # "kind:rest", as the user gave it
    split: str
    image_shape: tuple[int, int, int] | None  # (height, width, channels); None where sizes differ
    channels: int
    num_classes: int | None
    class_names: tuple[str, ...] | None
    in_memory: bool  # whether `gather` is there
    report: str | None  # what the user should know of this set, for example the files left out

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return {"image": uint8[h, w, c]}, with "label": int where there are labels."""
        ...

    def fingerprint(self) -> dict[str, Any]:
        """Return a small JSON-able dict that changes when the data set does."""
        ...


@dataclasses.dataclass(frozen=True)
class Options:
    """How to open a source; the same for every kind, each uses what concerns it.

    Attributes:
      spec: what the user gave, for messages and the fingerprint.
      split: "train", "test" or another name the set has.
      broken: what to do about image files that cannot be decoded: "refuse" or "skip".
      channels: to which image files are converted: 1, 3 or 4. Arrays and prepared sets keep theirs.
      data_dir: where prepared sets live; see `data_directory`.
      memory_limit: bytes of pixels up to which a set is decoded once and kept as arrays.
    """

    spec: str
    split: str
    broken: str = "refuse"
    channels: int = 3
    data_dir: str | None = None
    memory_limit: int = MEMORY_LIMIT


def fingerprint_of(source: Source, content: str) -> dict[str, Any]:
    """Return the fingerprint of a source whose content hashes to `content`."""
    return {"spec": source.spec, "split": source.split, "count": len(source), "content": content}


class ArraySource:
    """Images in memory; `gather` takes a whole batch at once."""

    in_memory = True

    def __init__(
        self,
        pixels: np.ndarray,
        labels: np.ndarray | None,
        options: Options,
        *,
        class_names: Sequence[str] | None = None,
        num_classes: int | None = None,
        content: str | None = None,
        report: str | None = None,
    ):
        """Hold uint8[n, h, w, c] and int[n]; without `content` (a hash), the bytes are hashed.

        Raises:
          UserError: labels that are no numbers from 0, or do not fit in 32 bits.
        """
        self.pixels = pixels
        if labels is not None:  # a cast would wrap round
            labels = checked(np.asarray(labels), f"the labels of {options.spec}").astype(np.int32)
        self.labels = labels
        self.spec, self.split, self.report = options.spec, options.split, report
        self.memory_limit = options.memory_limit
        self.image_shape, self.channels = tuple(pixels.shape[1:]), pixels.shape[-1]
        self.class_names = tuple(class_names) if class_names is not None else None
        self.num_classes = len(class_names) if class_names is not None else num_classes
        self._content = content

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        example = {"image": self.pixels[index]}
        if self.labels is not None:
            example["label"] = int(self.labels[index])
        return example

    def gather(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Return {"image": uint8[b, h, w, c]}, with "label": int32[b] where there are labels."""
        batch = {"image": self.pixels[indices]}
        if self.labels is not None:
            batch["label"] = self.labels[indices]
        return batch

    def at_size(self, size: images.Size) -> "ArraySource":
        """Return the same examples, resized and centre-cropped, in memory."""
        other = copy.copy(self)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            resize = functools.partial(images.resize_and_crop, size=size)
            other.pixels = np.stack(list(pool.map(resize, self.pixels)))
        other.image_shape = (*images.both_sides(size), self.channels)
        other._content = f"{self.fingerprint()['content']} at {size}"
        return other

    @functools.cached_property
    def _hash(self) -> str:
        digest = hashlib.sha256(repr(self.image_shape).encode())
        digest.update(np.ascontiguousarray(self.pixels))
        if self.labels is not None:
            digest.update(np.ascontiguousarray(self.labels))
        return digest.hexdigest()

    def fingerprint(self) -> dict[str, Any]:
        return fingerprint_of(self, self._content or self._hash)


class EncodedSource:
    """Images of any sizes, decoded when they are read; `decoded` has those decoded already.

    Worker processes need a picklable `read`.
    """

    in_memory = False

    def __init__(
        self,
        names: Sequence[str],
        read: Callable[[int], bytes],
        labels: np.ndarray | None,
        options: Options,
        *,
        content: str,
        decoded: Sequence[np.ndarray] | None = None,
        image_shape: tuple[int, int, int] | None = None,
        class_names: Sequence[str] | None = None,
        num_classes: int | None = None,
        report: str | None = None,
    ):
        self._names, self._read, self._labels, self._decoded = names, read, labels, decoded
        self.channels, self._skip, self._content = (
            options.channels,
            options.broken == "skip",
            content,
        )
        self.spec, self.split, self.report = options.spec, options.split, report
        self.image_shape = image_shape
        self.class_names = tuple(class_names) if class_names is not None else None
        self.num_classes = len(class_names) if class_names is not None else num_classes

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_decoded": None}  # worker processes are there to decode

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._readable(index, self._example)

    def reduced(self, index: int, enough: int) -> tuple[np.ndarray, int]:
        """Return an image as `images.decode` reduces it, and the number of all its pixels."""
        return self._readable(index, functools.partial(self._reduced, enough=enough))

    def _example(self, index: int) -> dict[str, Any]:
        if self._decoded is not None:
            example: dict[str, Any] = {"image": self._decoded[index]}
        else:
            example = {"image": images.decode(self._read(index), self.channels)}
        if self._labels is not None:
            example["label"] = int(self._labels[index])
        return example

    def _reduced(self, index: int, enough: int) -> tuple[np.ndarray, int]:
        if self._decoded is not None:
            image = self._decoded[index]
            return image, image.shape[0] * image.shape[1]
        data = self._read(index)
        image = images.decode(data, self.channels, enough=enough)
        return image, math.prod(images.encoded_size(data))

    def _readable(self, index: int, make: Callable[[int], Any]) -> Any:
        try:
            return make(index)
        except OSError as error:
            return self._instead_of(index, error, make)

    def _instead_of(self, index: int, error: OSError, make: Callable[[int], Any]) -> Any:
        # Opening a set checks the ends of the files; damage in the middle shows only now. Batch k
        # must stay the same on every visit, so the stand-in is fixed: the next one that can be
        # read.
        message = f"cannot decode {printable(self._names[index])} ({error})"
        if not self._skip:
            raise UserError(f"{message}; mend or remove it, or set broken='skip'") from error
        warnings.warn(f"{message}; its place is taken by the next image", stacklevel=2)
        for other in range(index + 1, min(index + 100, len(self) + index)):
            try:
                return make(other % len(self))
            except OSError:
                continue
        raise UserError(f"{message}, nor any of those that follow it") from error

    def fingerprint(self) -> dict[str, Any]:
        return fingerprint_of(self, self._content)


class Resized:
    """A source with every image resized (bicubic) and centre-cropped to one size.

    The pipeline's random crops are taken from `original`, which has all the pixels.
    """

    in_memory = False

    def __init__(self, source: Source, size: images.Size):
        self.original, self._size = source, size
        self.spec, self.split, self.report = source.spec, source.split, source.report
        self.num_classes, self.class_names = source.num_classes, source.class_names
        self.channels = source.channels
        self.image_shape = (*images.both_sides(size), source.channels)

    def __len__(self) -> int:
        return len(self.original)

    def __getitem__(self, index: int) -> dict[str, Any]:
        example = self.original[index]
        return example | {"image": images.resize_and_crop(example["image"], self._size)}

    def fingerprint(self) -> dict[str, Any]:
        return self.original.fingerprint() | {"image_size": self._size}


def resized(source: Source, size: images.Size | None) -> Source:
    """Return the source with images of a size: itself if they are, or if `size` is None.

    Args:
      source: an opened data set.
      size: side of a square, or (height, width), in pixels. An image is resized until it just
        covers it, and its centre is cropped.
    """
    if size is None:
        return source
    height, width = images.both_sides(size)
    if source.image_shape and tuple(source.image_shape[:2]) == (height, width):
        return source
    if height == width:
        size = height  # one name for one size, in fingerprints too
    if isinstance(source, Resized):
        return resized(source.original, size)
    if isinstance(source, ArraySource):
        needed = len(source) * height * width * source.channels
        if needed <= source.memory_limit:
            return source.at_size(size)
    return Resized(source, size)
