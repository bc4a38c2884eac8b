"""Sound: int16 [samples] of one channel, shown as a spectrogram or as the wave itself."""

import dataclasses

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import masked_mse, normalize_patches
from ssljax.modalities.base import Array, Modality, is_local, weak_of
from ssljax.ops import degrade
from ssljax.ops.augment import SoundView, multi_sound
from ssljax.ops.patches import patchify
from ssljax.ops.spectrogram import FULL, as_wave, band_statistics, spectrogram
from ssljax.spec import Field, Spectrogram

STRONG = {"gain": 6.0, "mix": 0.4}
RESIZE = (0.6, 1.5)


class Audio(Modality):
    """Log-mel spectrograms, standardised by band; or waves, each by its own mean and deviation.

    `field.spectrogram` says which. The wave is what wav2vec 2.0 takes (Hugging Face's feature
    extractor with `do_normalize`).
    """

    view = SoundView
    encoder = "audio_transformer"
    restores = False  # a spectrogram has lost the phase, and a standardised wave its volume

    def like(self, groups, field):
        """Return views of the whole sound, mixed and of another volume; a single view is plain.

        Spectrograms are resized as in BYOL-A. Crops of less than half of an image become windows of
        half of the sound. Where some views of images are cropped and mirrored alone, their sounds
        are neither mixed nor louder.
        """
        if sum(fields.get("count", 1) for fields in groups.values()) == 1:
            return {name: {} for name in groups}
        made, weak = {}, weak_of(groups)
        for name, fields in groups.items():
            made[name] = {"count": fields.get("count", 1)}
            made[name] |= {} if name in weak else STRONG
            if field.spectrogram is not None:
                made[name]["resize"] = RESIZE
            if is_local(fields):
                made[name]["size"] = field.shape[0] // 2
        return made

    def complete(self, fields, field):
        size = fields.get("size", 0) or field.shape[0]
        if size > field.shape[0]:
            raise ValueError(
                f"size={size}: a view cannot be longer than the sounds of config.data.length="
                f"{field.shape[0]} samples"
            )
        return {**fields, "size": size}

    def unsuitable(self, view, field):
        if field.spectrogram is None and view.of_spectrogram:
            return (
                f"{', '.join(view.of_spectrogram)} are of spectrograms, and config.data.sound="
                "'wave' shows waves; leave them out"
            )
        return ""

    def views(self, views, keys, value, field):
        return multi_sound(views, keys, value, lambda waves: shown(waves, field))

    def normalize(self, value, field):
        """Return (spectrogram - mean) / std by band; of a wave by its own mean and deviation."""
        if field.spectrogram is None:
            return _standardised(value)
        return (value - jnp.asarray(field.mean)) / jnp.asarray(field.std)

    def plain(self, value, field):
        return shown(as_wave(jnp.asarray(value)), field)

    def shape(self, field, size=0):
        samples = size or field.shape[0]
        form = field.spectrogram
        return (samples,) if form is None else (form.frames(samples), form.rows)

    def reconstruction(self, field, encoder, normalize):
        if field.spectrogram is None:
            raise UserError(
                "waves have no patches to reconstruct; set config.data.sound='log_mel' with an "
                "encoder of spectrograms"
            )
        if not encoder.patch:
            raise UserError(
                "the patches of config.encoder overlap, and cannot be reconstructed each; set "
                "config.encoder.name='audio_transformer'"
            )
        return BandReconstruction(encoder.patch, encoder.patch[0] * encoder.patch[1], normalize)

    def corruptions(self, field):
        """Return white noise and lost samples, of the wave."""

        def degraded(corrupt):
            def run(keys, value, strength, bank):
                del bank
                waves = as_wave(jnp.asarray(value))
                made = jax.vmap(corrupt, in_axes=(0, 0, None))(keys, waves, strength)
                return jnp.clip(jnp.rint(made * FULL), -FULL, FULL - 1).astype(jnp.int16)

            return run

        return {
            "noise": degraded(degrade.sound_noise),
            "lost_samples": degraded(degrade.sound_lost),
        }

    def raw(self, value, field):
        """Return the mean and deviation of each band of the log-mel spectrogram.

        Of waves it is the spectrogram of the default form.
        """
        form = field.spectrogram or default_spectrogram(field)
        return band_statistics(spectrogram(as_wave(jnp.asarray(value)), rate=field.rate, form=form))


def shown(waves: Array, field: Field) -> Array:
    """Return what encoders take of waves float32[B, S]: normalised spectrograms or waves."""
    if field.spectrogram is None:
        return _standardised(waves)
    made = spectrogram(waves, rate=field.rate, form=field.spectrogram)
    return (made - jnp.asarray(field.mean)) / jnp.asarray(field.std)


def default_spectrogram(field: Field) -> Spectrogram:
    """Return the form of the baseline of waves: 25 ms every 10 ms, 64 bands, fewer below 8 kHz."""
    window, hop = round(0.025 * field.rate), round(0.01 * field.rate)
    return Spectrogram(bands=64 if field.rate >= 8000 else 24, window=window, hop=hop)


def _standardised(waves: Array) -> Array:
    mean = waves.mean(axis=-1, keepdims=True)
    variance = jnp.var(waves, axis=-1, keepdims=True)
    return (waves - mean) / jnp.sqrt(variance + 1e-7)


@dataclasses.dataclass(frozen=True)
class BandReconstruction:
    """Patches of a spectrogram as the target of masked prediction: the squared error (Audio-MAE).

    Attributes:
      patch: frames and bands of a patch.
      out: values of a patch.
      normalize: whether each patch is normalised by its own mean and unbiased variance.
    """

    patch: tuple[int, int]
    out: int
    normalize: bool

    def target(self, x: Array) -> Array:
        """Return [B, N, out] of spectrograms [B, T, F]."""
        patches = patchify(x[..., None], patch=self.patch)
        return normalize_patches(patches) if self.normalize else patches

    def loss(self, prediction: Array, x: Array, where: Array) -> Array:
        """Return [B], the mean squared error of hidden patches."""
        return masked_mse(prediction, self.target(x), where=where)
