"""Images to one size: the centre, or a random resized crop."""

import dataclasses
from typing import Any

import numpy as np

from ssljax.data import images
from ssljax.spec import Field


@dataclasses.dataclass(frozen=True)
class CentreCrop:
    """Resize until the image just covers `size`, and crop the centre; bicubic, antialiased.

    Attributes:
      size: side in pixels, or (height, width).
    """

    size: images.Size
    random = False

    def field(self, field: Field) -> Field:
        return field.replace(shape=(*images.both_sides(self.size), *field.shape[2:]))

    def __call__(self, value: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
        return images.resize_and_crop(value, self.size)

    def fingerprint(self) -> dict[str, Any]:
        return {"image_size": self.size}


@dataclasses.dataclass(frozen=True)
class RandomResizedCrop:
    """A box as torchvision draws it, resized to `size`; bicubic, antialiased.

    Attributes:
      size: side in pixels, or (height, width).
      scale: (smallest, largest) part of the image's area.
    """

    size: images.Size
    scale: tuple[float, float]
    random = True

    def field(self, field: Field) -> Field:
        return field.replace(shape=(*images.both_sides(self.size), *field.shape[2:]))

    def __call__(self, value: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
        box = images.random_box(*value.shape[:2], rng, self.scale)
        return images.resize(value, box, self.size)

    def fingerprint(self) -> dict[str, Any]:
        return {"image_size": self.size, "host_crop": list(self.scale)}
