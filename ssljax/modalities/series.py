"""Series: float32 [times, channels], all of one length, without missing values."""

import jax.numpy as jnp

from ssljax.modalities.base import Modality, is_local, weak_of
from ssljax.modalities.patches import PatchReconstruction
from ssljax.ops.augment import SeriesView, multi_window
from ssljax.ops.window_statistics import window_statistics

WINDOW = {"crop_scale": (0.5, 1.0)}
STRONG = {**WINDOW, "scale": 0.2, "jitter": 0.1}
LOCAL_SCALE = (0.1, 0.5)  # of the windows that stand for small crops of images


class Series(Modality):
    """Windows, scaling and noise, in units of a channel's standard deviation.

    Values are normalised before the views are made, so that these units are the same everywhere.
    """

    view = SeriesView
    encoder = "series_transformer"

    def like(self, groups, field):
        """Return windows of half or more of the series, scaled and noisy; a single view is whole.

        Crops of less than half of an image become windows of 0.1 to 0.5 of the series, resampled to
        half its length. Where some views of images are cropped and mirrored alone, their windows
        are not scaled and have no noise.
        """
        if sum(fields.get("count", 1) for fields in groups.values()) == 1:
            return {name: {} for name in groups}
        made, weak = {}, weak_of(groups)
        for name, fields in groups.items():
            made[name] = {**(WINDOW if name in weak else STRONG), "count": fields.get("count", 1)}
            if is_local(fields):
                made[name] |= {"crop_scale": LOCAL_SCALE, "size": field.shape[0] // 2}
        return made

    def complete(self, fields, field):
        return {**fields, "size": fields.get("size", 0) or field.shape[0]}

    def views(self, views, keys, value, field):
        return multi_window(views, keys, self.plain(value, field))

    def normalize(self, value, field):
        """Return (series - mean) / std by channel."""
        return (value - jnp.asarray(field.mean)) / jnp.asarray(field.std)

    def plain(self, value, field):
        return self.normalize(jnp.asarray(value, jnp.float32), field)

    def shape(self, field, size=0):
        return (size or field.shape[0], field.shape[1])

    def reconstruction(self, field, encoder, normalize):
        out = encoder.patch[0] * field.shape[1]
        return PatchReconstruction(encoder.patch, out, normalize)

    def raw(self, value, field):
        """Return the statistics of each channel of the normalised series."""
        return window_statistics(self.plain(value, field))
