"""Images: uint8 or floats in [0, 1], [height, width, channels]."""

import functools
import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from ssljax.data.host import CropGroup
from ssljax.errors import UserError
from ssljax.modalities.base import Modality
from ssljax.modalities.patches import PatchReconstruction
from ssljax.ops import degrade
from ssljax.ops.augment import Augmentation, finish_crops, multi_crop, multi_crop_masks
from ssljax.ops.pixels import check_range, unit_range

COLORS = ("contrast", "saturation", "hue", "grey_prob")  # brightness is of each channel by itself
RAW_SIZE = 32  # a side of more pixels is shrunk: a probe on 150,528 values is not better
_BATCH = 4  # axes of a batch of images


class Image(Modality):
    """Crops, flips, colours and blur; normalised by channel after the views are made."""

    view = Augmentation
    encoder = "resnet18"

    def like(self, groups, field):
        return groups

    def complete(self, fields, field):
        return {**fields, "size": fields.get("size", 0) or min(field.shape[:2])}

    def unsuitable(self, view, field):
        changed = COLORS if view.jitter_prob else ("grey_prob",)
        on = [name for name in changed if getattr(view, name)]
        if not on or field.shape[2] in (1, 3):
            return ""
        return (
            f"{', '.join(on)} change(s) colours, and the images have {field.shape[2]} channels, "
            "not 1 or 3; set to 0"
        )

    def host_crops(self, view):
        if view.crop_scale is None:
            raise UserError("it has no crop_scale, so it shows the whole image")
        return CropGroup(
            view.size, view.count, view.crop_scale, view.crop_ratio, view.interpolation
        )

    def views(self, views, keys, value, field):
        make = finish_crops if isinstance(value, Mapping) else multi_crop
        crops = make(views, keys, value)
        return {name: self.normalize(crops[name], field) for name in crops}

    def masks(self, views, keys, masks):
        return multi_crop_masks(views, keys, masks)

    def normalize(self, value, field):
        """Return (images - mean) / std by channel; images are float, in [0, 1]."""
        return (value - jnp.asarray(field.mean)) / jnp.asarray(field.std)

    def plain(self, value, field):
        """Return images as they are, float32 and normalised; see `unit_range` for their range."""
        return self.normalize(unit_range(value), field)

    def shape(self, field, size=0):
        return (size, size, field.shape[2]) if size else field.shape

    def reconstruction(self, field, encoder, normalize):
        out = math.prod(encoder.patch) * field.shape[2]
        return PatchReconstruction(encoder.patch, out, normalize)

    def corruptions(self, field):
        """Return noise, blur, contrast, occlusion and rotation; results are rounded as stored."""
        names = ("noise", "blur", "contrast", "occlusion", "rotation")
        return {
            name: functools.partial(_degraded, getattr(degrade, f"image_{name}")) for name in names
        }

    def raw(self, value, field):
        """Return the pixels in [0, 1]; images with a longer side are shrunk, antialiased."""
        return raw_pixels(value)


def _degraded(corrupt, keys, value, strength, bank):
    del bank
    value = jnp.asarray(value)
    for _ in range(value.ndim - _BATCH):  # clips, and frames: all of a video alike
        corrupt = jax.vmap(corrupt, in_axes=(None, 0, None))
    made = jax.vmap(corrupt, in_axes=(0, 0, None))(keys, unit_range(value), strength)
    if jnp.issubdtype(value.dtype, jnp.floating):
        return made.astype(value.dtype)
    return jnp.round(made * jnp.iinfo(value.dtype).max).astype(value.dtype)


def raw_pixels(images: jax.Array, *, size: int = RAW_SIZE) -> jax.Array:
    """Return images as features [B, h * w * C] in [0, 1].

    Images with a side longer than `size` are shrunk (antialiased) to at most size x size.
    """
    check_range(images)
    return _flat_pixels(jnp.asarray(images), size)


@functools.partial(jax.jit, static_argnums=1)
def _flat_pixels(images: jax.Array, size: int) -> jax.Array:
    pixels = unit_range(images)
    count, height, width, channels = pixels.shape
    if max(height, width) > size:
        small = (count, min(height, size), min(width, size), channels)
        pixels = jax.image.resize(pixels, small, method="linear", antialias=True)
    return pixels.reshape(count, -1)
