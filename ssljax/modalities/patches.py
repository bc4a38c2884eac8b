"""Patches of values as the target of masked prediction: those of images and of series."""

import dataclasses

from ssljax.losses import masked_mse, normalize_patches
from ssljax.modalities.base import Array
from ssljax.ops.patches import patchify


@dataclasses.dataclass(frozen=True)
class PatchReconstruction:
    """MAE's target: the values of the patches, and the squared error.

    Attributes:
      patch: the sides of a patch.
      out: values of a patch.
      normalize: whether each patch is normalised by its own mean and unbiased variance.
    """

    patch: tuple[int, ...]
    out: int
    normalize: bool

    def target(self, x: Array) -> Array:
        """Return [B, N, out]."""
        patches = patchify(x, patch=self.patch)
        return normalize_patches(patches) if self.normalize else patches

    def loss(self, prediction: Array, x: Array, where: Array) -> Array:
        """Return [B], the mean squared error of hidden patches."""
        return masked_mse(prediction, self.target(x), where=where)
