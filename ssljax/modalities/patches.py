"""Patches of values as the target of masked prediction: of images, series and videos."""

import dataclasses

from einops import rearrange

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
      channels: by each of which a patch is normalised, if not as a whole; 0: as a whole. Then
        1e-6 is added to the deviation and not to the variance, as VideoMAE does.
    """

    patch: tuple[int, ...]
    out: int
    normalize: bool
    channels: int = 0

    def target(self, x: Array) -> Array:
        """Return [B, N, out]."""
        patches = patchify(x, patch=self.patch)
        if not self.normalize:
            return patches
        if not self.channels:
            return normalize_patches(patches)
        by_channel = rearrange(patches, "b n (p c) -> b n c p", c=self.channels)
        return rearrange(normalize_patches(by_channel, outside=True), "b n c p -> b n (p c)")

    def loss(self, prediction: Array, x: Array, where: Array) -> Array:
        """Return [B], the mean squared error of hidden patches."""
        return masked_mse(prediction, self.target(x), where=where)
