"""Series: float32 [times, channels], without missing values; padded at the end if ragged."""

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.modalities.base import Modality, is_local, weak_of
from ssljax.modalities.patches import PatchReconstruction
from ssljax.ops import degrade
from ssljax.ops.augment import SeriesView, multi_window
from ssljax.ops.window_statistics import window_statistics
from ssljax.spec import Value

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
        completed = {**fields, "size": fields.get("size", 0) or field.shape[0]}
        cut = completed["size"] != field.shape[0] or fields.get("crop_scale")
        if field.ragged and (cut or fields.get("segments", 1) > 1):
            raise UserError(
                "series of different lengths have no windows, and their segments keep their order: "
                "remove size, crop_scale and segments of the views, or set config.data.ragged=False"
            )
        return completed

    def views(self, views, keys, value, field):
        if not isinstance(value, Value):
            return multi_window(views, keys, self.plain(value, field))
        made = multi_window(views, keys, self.plain(value.data, field))
        return {
            name: Value(one, jnp.repeat(value.segments[:, None], one.shape[1], axis=1))
            for name, one in made.items()
        }

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

    def corruptions(self, field):
        """Return noise and, of two channels or more, dropped channels; padding stays as it is."""

        def degraded(corrupt):
            def run(keys, value, strength, bank):
                del bank
                series = value.data if isinstance(value, Value) else value
                made = jax.vmap(corrupt, in_axes=(0, 0, None))(
                    keys, self.plain(series, field), strength
                )
                made = self.restore(made, field)
                if not isinstance(value, Value):
                    return made
                return Value(jnp.where(value.segments[..., None] > 0, made, series), value.segments)

            return run

        found = {"noise": degraded(degrade.series_noise)}
        if field.shape[1] > 1:
            found["dropped_channels"] = degraded(degrade.series_dropped_channels)
        return found

    def raw(self, value, field):
        """Return the statistics of each channel of the normalised series, without padding."""
        if isinstance(value, Value):
            series = self.plain(value.data, field)
            return window_statistics(jnp.where(value.segments[..., None] > 0, series, jnp.nan))
        return window_statistics(self.plain(value, field))
