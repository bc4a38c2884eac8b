"""A data set whose examples are brought to one shape when they are read."""

from collections.abc import Container, Mapping
from typing import Any

import numpy as np

from ssljax.data import images
from ssljax.data.host import (
    ONE_CLIP,
    CentreCrop,
    HostTransform,
    Length,
    MaskCrop,
    Sampling,
    fields_after,
    fixed,
)
from ssljax.data.sources.base import Source, groups_of
from ssljax.data.sources.in_memory import ArraySource
from ssljax.spec import Field


class Transformed:
    """A source with transforms that draw nothing at random applied to every example.

    The pipeline's random transforms start from `original`, which has the examples whole.
    """

    in_memory = False

    def __init__(self, source: Source, transforms: Mapping[str, HostTransform]):
        self.original, self.transforms = source, dict(transforms)
        self.name, self.split, self.report = source.name, source.split, source.report
        self.num_classes, self.class_names = source.num_classes, source.class_names
        self.groups = groups_of(source)
        self.fields = fields_after(source.fields, transforms)

    def __len__(self) -> int:
        return len(self.original)

    def __getitem__(self, index: int) -> dict[str, Any]:
        example = dict(self.original[index])
        for name, transform in self.transforms.items():
            example[name] = transform(example[name], None)
        return example

    def fingerprint(self) -> dict[str, Any]:
        found = self.original.fingerprint()
        for transform in self.transforms.values():
            found |= transform.fingerprint()
        return found


def resized(
    source: Source,
    size: images.Size | None = None,
    *,
    length: Length = None,
    shorter: int = 0,
    clips: Sampling = ONE_CLIP,
    leave: Container[str] = (),
) -> Source:
    """Return the source with examples of one shape: itself if they are.

    Args:
      source: an opened data set.
      size: of images: side of a square, or (height, width), in pixels. An image is resized until it
        just covers it, and its centre is cropped. None keeps them.
      length: of series, in steps; a longer one is cut to its middle, a shorter one padded at its
        end. Of text, in tokens, see `ssljax.data.host.text`. Of clips of videos, in frames. None
        keeps them. A mapping has those of fields by name.
      shorter: what the shorter side of images is resized to before the crop; 0: no more than that
        the image covers `size`.
      clips: how those are taken of a video; evenly spread.
      leave: names of fields that stay as they are.
    """
    transforms = {
        n: t
        for n, t in fixed(source.fields, size, length, shorter, clips).items()
        if n not in leave
    }
    if not transforms:
        return source
    if isinstance(source, Transformed):  # whose other fields keep their transforms
        whole, size, length = original(source, size, length)
        transforms = fixed(whole.fields, size, length, shorter, clips)
        source = whole
    return _applied(source, transforms)


def original(
    source: Source, size: images.Size | None, length: Length
) -> tuple[Source, images.Size | None, Length]:
    """Return the source with its examples whole, and the shapes that are wanted of it.

    Args:
      source: perhaps a `Transformed`, whose shapes count where none is given.
      size, length: as `resized` takes them.
    """
    if not isinstance(source, Transformed):
        return source, size, length
    lengths = {}
    for name, transform in source.transforms.items():
        if isinstance(transform, CentreCrop):
            size = size or transform.size
        elif not isinstance(transform, MaskCrop):
            lengths[name] = transform.length
    return source.original, size, length or lengths or None


def _applied(source: Source, transforms: Mapping[str, HostTransform]) -> Source:
    if not transforms:
        return source
    if isinstance(source, ArraySource):
        fields = fields_after(source.fields, transforms).values()
        needed = sum(map(_bytes, fields))
        if len(source) * needed <= source.memory_limit:
            return source.transformed(transforms)
    return Transformed(source, transforms)


def _bytes(field: Field) -> int:
    """Return the bytes of one example; a side of any length counts as nothing."""
    segments = field.shape[0] if field.ragged else 0
    count = 0 if None in field.shape else int(np.prod(field.shape))
    return count * np.dtype(field.dtype).itemsize + 4 * (segments or 0)
