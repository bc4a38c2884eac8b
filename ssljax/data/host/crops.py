"""Random resized crops of the whole original image, made on the host.

A central square has lost a part of a photo, and its small crops have fewer pixels: 5% of the area
of 256 x 256 are 57 pixels a side, of 500 x 375 they are 97. Here every view's box is drawn in the
original, and the crops are shipped at the views' sizes; flips, colours and blur follow on the
device.
"""

import dataclasses
import math
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ssljax.data import images
from ssljax.spec import Field, Spec


@dataclasses.dataclass(frozen=True)
class CropGroup:
    """Crops of one size, as a group of views takes them.

    Attributes:
      size: side of the crops in pixels.
      count: of each image.
      scale: (smallest, largest) part of the image's area.
      ratio: (smallest, largest) width / height of the box.
      interpolation: "bilinear" or "bicubic", antialiased.
    """

    size: int
    count: int = 1
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    interpolation: str = "bicubic"

    def field(self, field: Field) -> Field:
        """Return what a batch holds of the crops of a field: [count, size, size, C]."""
        return field.replace(shape=(self.count, self.size, self.size, field.shape[-1]))

    def fingerprint(self) -> dict[str, Any]:
        """Return what the crops depend on, JSON-able."""
        return {**dataclasses.asdict(self), "scale": [*self.scale], "ratio": [*self.ratio]}


Boxes = dict[str, list[images.Box]]


def crop_name(field: str, group: str) -> str:
    """Return the name under which a batch holds the crops of a group of views of a field."""
    return f"{field}.{group}"


def shipped(spec: Spec, groups: Mapping[str, CropGroup]) -> Spec:
    """Return what a batch holds: crops instead of the images; all other fields as they are.

    Args:
      spec: of the data, with a field "image".
      groups: by name of the entry, see `crop_name`.
    """
    fields = dict(spec.fields)
    image = fields.pop("image")
    crops = {name: group.field(image) for name, group in groups.items()}
    return dataclasses.replace(spec, fields={**crops, **fields})


def draw_boxes(
    groups: Mapping[str, CropGroup],
    height: int,
    width: int,
    generator: Callable[[str, int], np.random.Generator],
) -> Boxes:
    """Return the boxes of every group, in pixels of the original image.

    Args:
      groups: by name of the entry.
      height, width: of the original.
      generator: of (name of the entry, number of a view), so that one group's boxes do not depend
        on what other groups there are.
    """
    return {
        name: [
            images.random_box(height, width, generator(name, view), group.scale, group.ratio)
            for view in range(group.count)
        ]
        for name, group in groups.items()
    }


def enough(groups: Mapping[str, CropGroup], boxes: Boxes) -> int:
    """Return by how much an image may be shrunk while no crop lacks pixels, a whole number."""
    fits = [
        min(right - left, lower - upper) / groups[name].size
        for name, drawn in boxes.items()
        for left, upper, right, lower in drawn
    ]
    return max(1, math.floor(min(fits)))


def render(
    image: np.ndarray,
    original: tuple[int, int],
    groups: Mapping[str, CropGroup],
    boxes: Boxes,
) -> dict[str, np.ndarray]:
    """Return the crops [count, size, size, C] of every group.

    Args:
      image: the original, perhaps shrunk.
      original: its (height, width), in whose pixels the boxes are.
      groups, boxes: as above.
    """
    down, across = image.shape[0] / original[0], image.shape[1] / original[1]
    made, shown = {}, images.to_resize(image)
    for name, group in groups.items():
        crops = [
            images.resize(
                shown,
                (left * across, upper * down, right * across, lower * down),
                group.size,
                interpolation=group.interpolation,
            )
            for left, upper, right, lower in boxes[name]
        ]
        made[name] = np.stack(crops)
        if image.dtype.kind == "f":  # which the bicubic filter may leave
            made[name] = np.clip(made[name], 0, 1)
    return made


def stream_of(name: str) -> int:
    """Return the stream of random numbers of the boxes of the entry of this name."""
    return zlib.crc32(f"crops {name}".encode())
