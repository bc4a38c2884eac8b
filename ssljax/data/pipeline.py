"""Batches of examples, addressed by the training step.

Batch k is a pure function of (source, seed, k), so the step number is all the state there is:
nothing to checkpoint, and any batch can be had again. The global batch is drawn first; a host then
prepares the rows of it that its devices hold, so the batch does not depend on the hosts.
"""

import dataclasses
import functools
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import grain
import numpy as np
from absl import flags

from ssljax.data import images
from ssljax.data.host import (
    ONE_CLIP,
    HostTransform,
    Length,
    Sampling,
    drawn,
    length_of,
    stack,
)
from ssljax.data.host.crops import CropGroup, draw_boxes, enough, render, stream_of
from ssljax.data.mixture import Mixture
from ssljax.data.order import shuffled
from ssljax.data.sources.base import Source
from ssljax.data.sources.encoded import EncodedSource
from ssljax.data.sources.targets import as_targets
from ssljax.data.sources.transformed import original, resized
from ssljax.data.together import Together
from ssljax.errors import UserError
from ssljax.spec import Field, target_kind

Batch = dict[str, Any]  # an array or a `Value` by name

VERSION = 1  # of the order and the crops; part of the fingerprint, so raise it when either changes
_DECODE_THREADS = 16  # reading waits for the disk, and decoding releases the interpreter
_BATCHES_AHEAD = 3
_STREAM = 0x63726F70


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """The endless sequence of training batches of this host.

    Attributes:
      source: an opened data set.
      seed: of the order and the crops.
      batch_size: of the global batch, over all hosts.
      rows: of each global batch, those that this host prepares, ascending; None: all.
      image_size: side of the images in pixels, or (height, width); None keeps them, which needs a
        source with images of one size.
      host_crop: (smallest, largest) part of the area that the host's random resized crop keeps,
        used only where images differ in size. Mild by default, as the views are cropped from its
        result on the device. Images of one size, and all under None, are resized (shorter side)
        and cropped in the centre.
      length: of series, in steps, and of sound, in samples: of a longer one a window that starts
        anywhere, a shorter one padded at its end; of text, in tokens; of clips of videos, in
        frames; None keeps them. A mapping has those of fields by name.
      clips: how those are taken of a video: each starts anywhere.
      crops: groups of random resized crops of the whole image that are shipped instead of it, by
        the name of the entry, such as "image.crop": [b, count, size, size, c]; None ships one
        square for the device to crop.
      labels: whether batches carry "label", of whatever kind, see `ssljax.spec.target_kind`.
      workers: processes that decode; 0 decodes in threads, which is right unless decoding is very
        heavy.
      mixture: of which of several joined sources each batch is; None for one source.
      together: which labels have several examples in a batch; None for any order.
      repeats: whether a batch may hold examples several times, where there are fewer than it holds.
    """

    source: Source
    seed: int
    batch_size: int
    rows: Sequence[int] | None = None
    image_size: images.Size | None = None
    host_crop: tuple[float, float] | None = (0.5, 1.0)
    length: Length = None
    clips: Sampling = ONE_CLIP
    crops: Mapping[str, CropGroup] | None = None
    labels: bool = False
    workers: int = 0
    mixture: Mixture | None = None
    together: Together | None = None
    repeats: bool = False

    def __post_init__(self):
        _check_batch(self.source, self.batch_size, self._rows, self.labels)
        if self.batch_size > len(self.source) and not self.repeats:
            raise UserError(
                f"batch_size is {self.batch_size} but {self.source.name} has only "
                f"{len(self.source)} examples in {self.source.split!r}"
            )
        if self.together is not None:
            self.together.require(self.batch_size)
        if self.host_crop is not None and not 0 < self.host_crop[0] <= self.host_crop[1] <= 1:
            raise UserError(
                f"host_crop must be (low, high) with 0 < low <= high <= 1, got {self.host_crop}"
            )
        if not self.crops:
            _check_size(self.source, self.image_size, self.length)
        elif "image" not in self.source.fields:
            raise UserError(f"{self.source.name} has no images to crop; set data.ship='square'")

    def ids(self, step: int) -> np.ndarray:
        """Return the ids of the global batch of a step, int32[batch_size]; reads no example."""
        return self._ids(step).copy()

    def batch(self, step: int) -> Batch:
        """Return this host's part of the batch of a step.

        Returns:
          {field: [b, ...], "id": int32[b]}, such as "image": uint8[b, h, w, c], with "label" if
          asked for, such as int32[b]; b is the number of rows. An id is the example's number in the
          source.
        """
        if self._whole:
            return self._gathered(step)
        size = len(self._rows)
        return _stacked([self._example(step * size + number) for number in range(size)])

    def iterate(self, start: int = 0, stop: int | None = None) -> Iterator[Batch]:
        """Yield `batch(start)`, `batch(start + 1)`, ... prepared ahead of time in the background.

        Without `stop` there is no end. Closing the generator, or exhausting it, ends its threads
        and processes.
        """
        stop = sys.maxsize // self.batch_size if stop is None else stop
        if self._whole:
            return _prefetched(self._gathered, start, stop)
        return _prefetched(self._example, start, stop, len(self._rows), self.workers)

    def fingerprint(self) -> dict[str, Any]:
        """Return what the batches depend on, JSON-able; equal fingerprints mean equal batches."""
        size = self.image_size
        found = {
            "source": self.source.fingerprint(),
            "seed": self.seed,
            "batch_size": self.batch_size,
            "image_size": list(size) if isinstance(size, tuple) else size,
            "host_crop": None if self.host_crop is None else list(self.host_crop),
            "version": VERSION,
        }
        if self.length is not None:
            found["length"] = self.length
        if self.clips != ONE_CLIP:
            found["clips"] = [self.clips.stride, self.clips.count]
        if self.mixture is not None:
            found["mixture"] = list(self.mixture.weights)
        if self.together is not None:
            found["per_label"] = self.together.count
        if self.crops:
            found["crops"] = {name: one.fingerprint() for name, one in self.crops.items()}
        return found

    def _ids(self, step: int) -> np.ndarray:
        """Return `ids`, kept where the examples of a batch ask for them one by one."""
        if (chosen := self.mixture or self.together) is not None:
            return _chosen_ids(step, self.batch_size, chosen, self.seed)
        return _global_ids(step, self.batch_size, len(self.source), self.seed)

    @functools.cached_property
    def _rows(self) -> np.ndarray:
        return _rows_of(self.rows, self.batch_size)

    @functools.cached_property
    def _reading(self) -> tuple[Source, Mapping[str, HostTransform]]:
        """What to read from, and the random transforms of what is read, by field."""
        source, size, length = original(self.source, self.image_size, self.length)
        cut = {"image"} if self.crops else set()  # from whole images
        random = drawn(source.fields, size, self.host_crop, length, self.clips)
        random = {name: transform for name, transform in random.items() if name not in cut}
        leave = {*random, *cut}
        return resized(source, size, length=length, clips=self.clips, leave=leave), random

    @property
    def _whole(self) -> bool:
        """Whether batches can be had by taking rows of an array."""
        source, random = self._reading
        return source.in_memory and not random and not self.crops

    def _gathered(self, step: int) -> Batch:
        ids = self.ids(step)[self._rows]
        source = self._reading[0]
        return _chosen(source.gather(ids), ids, self.labels, source.fields)

    def _example(self, number: int) -> Batch:
        """Return example `number` of this host's endless sequence, cropped."""
        step, index = divmod(number, len(self._rows))
        row = int(self._rows[index])
        example_id = self._ids(step)[row]
        source, random = self._reading
        made, found = (
            self._cropped(example_id, step, row) if self.crops else ({}, source[example_id])
        )
        example = _chosen(found, example_id, self.labels, source.fields)
        for name, transform in random.items():
            example[name] = transform(example[name], self._generator(name, step, row))
        return made | example

    def _cropped(self, example_id: int, step: int, row: int) -> tuple[Batch, dict[str, Any]]:
        """Return the crops of an example's image, and the rest of the example."""
        source = self._reading[0]

        def generator(name: str, view: int) -> np.random.Generator:
            return self._random(stream_of(name), step, row, view)

        def make(decode: Callable[[int], np.ndarray], size: tuple[int, int]) -> dict:
            boxes = draw_boxes(self.crops, *size, generator)
            return render(decode(enough(self.crops, boxes)), size, self.crops, boxes)

        if isinstance(source, EncodedSource):
            return source.cropped(int(example_id), make)
        rest = dict(source[example_id])
        image = rest.pop("image")
        return make(lambda shrink: image, image.shape[:2]), rest

    def _generator(self, field: str, step: int, row: int) -> np.random.Generator:
        stream = _STREAM if field == "image" else zlib.crc32(field.encode())
        return self._random(stream, step, row, 0)

    def _random(self, stream: int, step: int, row: int, view: int) -> np.random.Generator:
        bits = np.random.Philox(key=[self.seed % 2**64, stream], counter=[0, row, step, view])
        return np.random.Generator(bits)


def epoch(
    source: Source,
    batch_size: int,
    image_size: images.Size | None = None,
    *,
    length: Length = None,
    shorter: int = 0,
    clips: Sampling = ONE_CLIP,
    labels: bool = False,
    rows: Sequence[int] | None = None,
    workers: int = 0,
    order: np.ndarray | None = None,
) -> Iterator[Batch]:
    """Yield every example once, in order, for evaluation and clustering.

    Args:
      source: an opened data set.
      batch_size: of the global batch.
      image_size: side in pixels, or (height, width), to which images are resized and
        centre-cropped; None keeps them.
      length: of series, in steps, to which they are cut (the middle) or padded (the end), and of
        text, in tokens; of clips of videos, in frames; None keeps them.
      clips: how those are taken of a video: evenly spread.
      labels: whether batches carry "label".
      rows: of each global batch, those that this host prepares, ascending; None: all.
      shorter: what the shorter side of images is resized to before they are cropped to
        `image_size`, as 256 is for 224 on ImageNet; 0: no more than the crop needs.
      workers: processes that decode; 0 decodes in threads.
      order: int[n], the numbers of the examples to read, in this order, instead of every one once.

    Returns:
      An iterator of batches as `Pipeline.batch` gives them, with "valid": bool[b], False where the
      last batch is filled up by repeating the last example.
    """
    own = _rows_of(rows, batch_size)
    _check_batch(source, batch_size, own, labels)
    _check_size(source, image_size, length)
    source = resized(source, image_size, length=length, shorter=shorter, clips=clips)
    order = None if order is None else np.asarray(order, np.int64)
    reader = _Sequence(source, batch_size, own, labels, order)
    batches = -(-(len(source) if order is None else len(order)) // batch_size)
    if source.in_memory:
        return _prefetched(reader.batch, 0, batches)
    return _prefetched(reader.example, 0, batches, len(own), workers)


@dataclasses.dataclass(frozen=True)
class _Sequence:
    source: Source
    batch_size: int
    rows: np.ndarray
    labels: bool
    order: np.ndarray | None

    def batch(self, number: int) -> Batch:
        positions = number * self.batch_size + self.rows
        ids, valid = self._ids(positions), positions < self._count
        return _chosen(self.source.gather(ids), ids, self.labels, self.source.fields) | {
            "valid": valid
        }

    def example(self, number: int) -> Batch:
        batch, index = divmod(number, len(self.rows))
        position = batch * self.batch_size + int(self.rows[index])
        example_id = np.int32(self._ids(position))
        example = _chosen(self.source[example_id], example_id, self.labels, self.source.fields)
        return example | {"valid": np.bool_(position < self._count)}

    @property
    def _count(self) -> int:
        return len(self.source) if self.order is None else len(self.order)

    def _ids(self, positions: np.ndarray | int) -> np.ndarray:
        inside = np.minimum(positions, self._count - 1)
        return (inside if self.order is None else self.order[inside]).astype(np.int32)


def _rows_of(rows: Sequence[int] | None, batch_size: int) -> np.ndarray:
    return np.arange(batch_size) if rows is None else np.asarray(rows, np.int64)


@functools.lru_cache(maxsize=64)  # the examples of a batch are asked for one by one
def _global_ids(step: int, batch_size: int, count: int, seed: int) -> np.ndarray:
    positions = step * batch_size + np.arange(batch_size, dtype=np.int64)
    return shuffled(positions, count, seed).astype(np.int32)


@functools.lru_cache(maxsize=64)
def _chosen_ids(step: int, batch_size: int, chosen: Mixture | Together, seed: int) -> np.ndarray:
    return chosen.ids(step, batch_size, seed)


def _check_batch(source: Source, batch_size: int, rows: np.ndarray, labels: bool) -> None:
    if batch_size < 1:
        raise UserError(f"batch_size must be at least 1, got {batch_size}")
    if not len(rows) or rows[0] < 0 or rows[-1] >= batch_size or (np.diff(rows) < 1).any():
        raise ValueError(f"rows must be ascending numbers from 0 to {batch_size - 1}, got {rows}")
    if len(source) >= 2**31:
        raise UserError(f"{source.name} has {len(source)} examples; ids are 32-bit")
    if labels and "label" not in source.fields:
        raise UserError(f"{source.name} has no labels in {source.split!r}, and they are asked for")


def _check_size(source: Source, image_size: images.Size | None, length: Length) -> None:
    for name, field in source.fields.items():
        if field.modality == "image" and None in field.shape and image_size is None:
            raise UserError(f"the images of {source.name} differ in size: set image_size")
        lengthy = field.modality in ("series", "text", "audio", "video")
        own = length_of(length, name)
        if lengthy and None in field.shape and own is None:
            raise UserError(
                f"the {field.modality} {name!r} of {source.name} differ in length: set length"
            )
        if own is not None and own < 1:
            raise UserError(f"length must be at least 1, got {own}")
    if image_size is not None and min(images.both_sides(image_size)) < 1:
        raise UserError(f"image_size must be at least 1, got {image_size}")


def _chosen(
    found: Mapping[str, Any], ids: np.ndarray, labels: bool, fields: Mapping[str, Field]
) -> Batch:
    batch = {name: value for name, value in found.items() if name != "label"}
    for name, value in batch.items():
        dtype = getattr(value, "dtype", None)  # captions have none until one is drawn
        if dtype is not None and dtype != fields[name].dtype:
            raise UserError(
                f"{name!r} must be {fields[name].dtype} as its field says, a source gave {dtype}"
            )
    batch["id"] = ids
    if labels:
        batch["label"] = _target(np.asarray(found["label"]), np.ndim(ids), fields["label"])
    return batch


def _target(values: np.ndarray, leading: int, field: Field) -> np.ndarray:
    """Return the targets of an example, or of a batch with `leading` axis, as the field says."""
    shape = values.shape[leading:]
    if shape != field.shape:
        raise UserError(f"'label' must be of the shape {field.shape}, a source gave {shape}")
    made = as_targets(values.reshape(-1, *shape), target_kind(field), "'label'")
    return made.reshape(values.shape)


def _stacked(examples: list[Batch]) -> Batch:
    return {key: stack([example[key] for example in examples]) for key in examples[0]}


def _prefetched(
    make: Callable[[int], Batch], start: int, stop: int, batch: int | None = None, workers: int = 0
) -> Iterator[Batch]:
    """Yield make(start), ... ahead of time; with `batch`, make gives examples to be batched."""
    if batch is None:
        # One thread: taking rows of an array holds the interpreter, more threads would only fight
        # for it.
        options = grain.ReadOptions(num_threads=1, prefetch_buffer_size=_BATCHES_AHEAD)
        elements = grain.MapDataset.range(start, stop).map(make).to_iter_dataset(options)
    else:
        ahead = max(_BATCHES_AHEAD * batch, _DECODE_THREADS)
        options = grain.ReadOptions(num_threads=_DECODE_THREADS, prefetch_buffer_size=ahead)
        elements = (
            grain.MapDataset.range(start * batch, stop * batch).map(make).to_iter_dataset(options)
        )
        if workers:
            if not flags.FLAGS.is_parsed():  # grain reads a flag of its own, which needs this
                flags.FLAGS.mark_as_parsed()
            elements = elements.mp_prefetch(grain.MultiprocessingOptions(num_workers=workers))
        elements = elements.batch(batch, batch_fn=_stacked)
    iterator = iter(elements)
    try:
        yield from iterator
    finally:
        iterator.close()
