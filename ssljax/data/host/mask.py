"""Masks, a class for each pixel, brought to the size of their image."""

import dataclasses
from typing import Any

import numpy as np

from ssljax.data import images
from ssljax.spec import Field


@dataclasses.dataclass(frozen=True)
class MaskCrop:
    """What `CentreCrop` does to an image, by the nearest pixel: classes have no mean.

    Attributes:
      size: side in pixels, or (height, width).
      shorter: as of `CentreCrop`.
    """

    size: images.Size
    shorter: int = 0
    random = False

    def field(self, field: Field) -> Field:
        return field.replace(shape=images.both_sides(self.size))

    def __call__(self, value: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
        return images.resize_and_crop(value, self.size, self.shorter)

    def fingerprint(self) -> dict[str, Any]:
        return {}  # that of the image's transform says it
