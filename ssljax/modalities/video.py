"""Videos: clips uint8 [frames, height, width, channels], or several of them of each video."""

import math

import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.modalities.base import Modality, is_local
from ssljax.modalities.image import Image, raw_pixels
from ssljax.modalities.patches import PatchReconstruction
from ssljax.ops.augment import VideoView, multi_clip
from ssljax.ops.pixels import unit_range

_CLIP = 4  # axes of one clip


class Video(Modality):
    """Crops, flips, colours and blur, the same for all frames of a clip.

    Views of clips have the fields of those of images. Where a batch holds several clips of
    each video, view i is of clip i.
    """

    view = VideoView
    encoder = "video_transformer"

    def like(self, groups, field):
        """Return the same views; sizes in pixels become those of the videos, of local ones half."""
        side = min(field.shape[-3:-1])
        return {
            name: {**fields, "size": side // 2 if is_local(fields) else side}
            if fields.get("size")
            else fields
            for name, fields in groups.items()
        }

    def complete(self, fields, field):
        return {**fields, "size": fields.get("size", 0) or min(field.shape[-3:-1])}

    def unsuitable(self, view, field):
        return Image().unsuitable(view, field.replace(shape=field.shape[-3:]))

    def views(self, views, keys, value, field):
        clips = value if value.ndim > _CLIP + 1 else value[:, None]
        made = multi_clip(views, keys, clips)
        return {name: self.normalize(made[name], field) for name in made}

    def normalize(self, value, field):
        """Return (clips - mean) / std by channel; clips are float, in [0, 1]."""
        return (value - jnp.asarray(field.mean)) / jnp.asarray(field.std)

    def plain(self, value, field):
        if jnp.ndim(value) > _CLIP + 1:
            raise UserError(
                f"a batch holds {value.shape[1]} clips of each video, and what reads them "
                "un-augmented takes one; set config.data.clips=1"
            )
        return self.normalize(unit_range(value), field)

    def parts(self, value):
        return value.shape[1] if jnp.ndim(value) > _CLIP + 1 else 1

    def shape(self, field, size=0):
        frames, height, width, channels = field.shape[-_CLIP:]
        return (frames, size, size, channels) if size else (frames, height, width, channels)

    def reconstruction(self, field, encoder, normalize):
        """Return the pixels of patches, each channel normalised by itself, as VideoMAE does."""
        channels = field.shape[-1]
        out = math.prod(encoder.patch) * channels
        return PatchReconstruction(encoder.patch, out, normalize, channels)

    def corruptions(self, field):
        """Return those of images, the same for all frames of a clip."""
        return Image().corruptions(field)

    def raw(self, value, field):
        """Return the mean and the standard deviation over time of each pixel, shrunk as images."""
        clips = unit_range(value)
        clips = clips if clips.ndim > _CLIP + 1 else clips[:, None]
        axes = (1, 2)  # clips, frames
        moments = clips.mean(axis=axes), clips.std(axis=axes)
        return jnp.concatenate([raw_pixels(one) for one in moments], axis=-1)
