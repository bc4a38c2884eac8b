"""Sound as spectrograms and as waves: views, baselines, corruptions, what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.data.given import prepared
from ssljax.errors import UserError
from ssljax.modalities import MODALITIES
from ssljax.modalities.audio import default_spectrogram
from ssljax.models import build_encoder
from ssljax.objectives.views import Views
from ssljax.ops.spectrogram import as_wave, spectrogram
from ssljax.spec import Field, Spectrogram
from tests.modalities.test_modalities import FIELDS, values

AUDIO = MODALITIES["audio"]
WAVE = Field("audio", (640,), "int16", mean=(0.0,), std=(1.0,), rate=8000.0)


def waves(count=4, samples=640, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(-9000, 9000, (count, samples), np.int16)


def views_of(section, field, value):
    made = Views.from_config({"crop": section}, "objective.views").bound("audio", field)
    batch = {"audio": value, "row": np.arange(len(value), dtype=np.int32)}
    return np.asarray(jax.jit(made.stacked)(jax.random.key(1), batch))


def test_spectrograms_are_standardised_by_band():
    field, value = FIELDS["audio"], values("audio")
    expected = (spectrogram(as_wave(value), rate=8000.0, form=field.spectrogram) + 2) / 0.5
    np.testing.assert_allclose(AUDIO.plain(value, field), expected, atol=1e-3)


def test_waves_have_mean_0_and_deviation_1_each_and_silence_is_finite():
    value = np.concatenate([waves(), np.zeros((1, 640), np.int16)])
    plain = np.asarray(AUDIO.plain(value, WAVE))
    x = value[0] / 2**15
    np.testing.assert_allclose(plain[0], (x - x.mean()) / np.sqrt(x.var() + 1e-7), atol=1e-4)
    assert not plain[4].any() and AUDIO.blank(WAVE).shape == (2, 640)
    assert AUDIO.shape(WAVE, 400) == (400,)


def test_windows_of_one_sound_are_parts_of_it():
    ramp = np.arange(640, dtype=np.int16)[None]
    field = FIELDS["audio"].replace(shape=(640,), spectrogram=None, mean=(0.0,), std=(1.0,))
    made = views_of({"size": 320, "count": 6}, field, ramp)
    assert made.shape == (1, 6, 320)
    np.testing.assert_allclose(np.diff(made[0], axis=1).std(axis=1), 0, atol=1e-4)  # still ramps
    assert len({float(one[0]) for one in made[0]}) >= 1


@pytest.mark.parametrize(
    "section",
    [
        {"shift": 0.2},
        {"mix": 0.5},
        {"noise": (0.0, 10.0)},
        {"gain": 6.0},
        {"resize": (0.6, 1.5)},
        {"bands": 4},
        {"frames": 4, "frame_masks": 2},
    ],
)
def test_each_operation_changes_a_view_and_depends_on_the_example_alone(section):
    field, value = FIELDS["audio"].replace(shape=(640,)), waves()
    made = views_of({**section, "count": 2}, field, value)
    plain = np.asarray(AUDIO.plain(value, field))
    assert made.shape == (4, 2, 80, 8) and np.isfinite(made).all()
    assert (made[:, 0] != made[:, 1]).any() and (made[:, 0] != plain).any()
    silent = views_of({**section, "count": 2}, field, np.zeros_like(value))
    assert np.isfinite(silent).all()
    if "mix" not in section:  # others of the batch take no part
        other = views_of(
            {**section, "count": 2}, field, np.concatenate([value[:2], waves(2, seed=9)])
        )
        np.testing.assert_allclose(other[:2], made[:2], atol=1e-4)


def test_operations_of_spectrograms_are_refused_for_waves():
    with pytest.raises(UserError, match="objective.views.crop: resize, bands are of spectrograms"):
        views_of({"resize": (0.6, 1.5), "bands": 4}, WAVE, waves())
    with pytest.raises(UserError, match="size=1000: a view cannot be longer than the sounds"):
        views_of({"size": 1000}, WAVE, waves())
    with pytest.raises(UserError, match="waves have no patches to reconstruct"):
        AUDIO.reconstruction(WAVE, None, True)
    wave_encoder = build_encoder({"name": "wave_transformer"}, WAVE)
    with pytest.raises(UserError, match="config.data.sound='wave'"):
        AUDIO.grid(FIELDS["audio"], wave_encoder)
    mel_encoder = build_encoder({"name": "audio_transformer"}, WAVE)
    with pytest.raises(UserError, match="config.data.sound='log_mel'"):
        AUDIO.grid(WAVE, mel_encoder)


def test_patches_are_normalised_each_by_itself():
    field = FIELDS["audio"]
    encoder = build_encoder(
        {"name": "audio_transformer", "patch_time": 4, "patch_bands": 2, "bands": 8}, field
    )
    x = np.asarray(AUDIO.plain(values("audio"), field))
    made = AUDIO.reconstruction(field, encoder, True)
    patches = x.reshape(6, 2, 4, 4, 2).transpose(0, 1, 3, 2, 4).reshape(6, 8, 8)
    expected = (patches - patches.mean(2, keepdims=True)) / patches.std(2, ddof=1, keepdims=True)
    np.testing.assert_allclose(made.target(x), expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(AUDIO.reconstruction(field, encoder, False).target(x), patches)


def test_the_baseline_is_mean_and_deviation_of_each_band():
    field, value = FIELDS["audio"], values("audio")
    made = np.asarray(spectrogram(as_wave(value), rate=8000.0, form=field.spectrogram))
    expected = np.concatenate([made.mean(axis=1), made.std(axis=1)], axis=1)
    np.testing.assert_allclose(AUDIO.raw(value, field), expected, atol=1e-3)
    form = default_spectrogram(WAVE)
    assert (form.window, form.hop, form.bands) == (200, 80, 64)
    assert AUDIO.raw(waves(), WAVE).shape == (4, 128)


def test_corruptions_are_of_the_wave():
    value = (np.sin(np.arange(640) * 0.3) * 8000).astype(np.int16)[None].repeat(4, axis=0)
    keys = jax.random.split(jax.random.key(0), 4)
    found = AUDIO.corruptions(WAVE)
    for strength, ratio in ((1, 20), (4, 0)):
        noise = np.asarray(found["noise"](keys, value, strength, None)) - value.astype(float)
        measured = 10 * np.log10(np.mean(value.astype(float) ** 2) / np.mean(noise**2))
        assert measured == pytest.approx(ratio, abs=0.5)
    lost = np.asarray(found["lost_samples"](keys, value, 5, None))
    assert lost.dtype == np.int16 and 0.2 < (lost == 0).mean() < 0.55
    silence = np.zeros((4, 640), np.int16)
    assert not np.asarray(found["noise"](keys, silence, 5, None)).any()


def test_sounds_in_memory_are_brought_to_the_length_of_the_run():
    field = FIELDS["audio"]
    made = prepared([np.arange(100, dtype=np.int16), np.full(20, 0.5)], field, "audio")
    assert made.shape == (2, 64) and made.dtype == np.int16
    assert made[0, 0] == 18 and made[1, :20].tolist() == [16384] * 20 and not made[1, 20:].any()
    for wrong, message in (
        (np.zeros((2, 5, 2), np.int16), r"has a sound of the shape \[5, 2\] at 0"),
        ([np.full(5, 3.0)], "the floats of sound 0 must lie between -1 and 1"),
        ([np.zeros(5, np.int64)], "sound 0 is int64; it must be int16 or floats"),
    ):
        with pytest.raises(UserError, match=message):
            prepared(wrong, field, "audio")


def test_a_form_survives_as_a_part_of_a_traced_field():
    field = FIELDS["audio"].replace(
        spectrogram=Spectrogram(bands=8, window=16, hop=8, kind="mfcc", coefficients=4),
        mean=(0.0,) * 4,
        std=(1.0,) * 4,
    )
    assert AUDIO.shape(field) == (8, 4)
    assert jnp.asarray(AUDIO.plain(values("audio"), field)).shape == (6, 8, 4)
