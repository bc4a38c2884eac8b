"""Spectrograms: loops, numbers of another library, and what must not happen."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.ops.spectrogram import (
    as_wave,
    band_statistics,
    cosines,
    deltas,
    hann,
    hz_to_mel,
    mel_filters,
    mel_to_hz,
    spectrogram,
)
from ssljax.spec import Spectrogram
from tests.reference import spectrogram as reference

FORM = {"bands": 5, "window": 30, "hop": 12, "low": 100.0, "high": 1800.0}


def wave(samples=100, seed=0):
    rng = np.random.default_rng(seed)
    at = np.arange(samples)
    return (0.4 * np.sin(at * 0.7) + 0.1 * rng.normal(size=samples)).astype(np.float32)


@pytest.mark.parametrize("scale", ["htk", "slaney"])
@pytest.mark.parametrize("area", [False, True])
def test_loops(scale, area):
    form = Spectrogram(**FORM, scale=scale, area=area)
    x = wave()
    about = {"points": 32, "floor": 1e-6, "scale": scale, "area": area}
    expected = reference.log_mel(x, 4000.0, **FORM, **about)
    on_host = spectrogram(x, rate=4000.0, form=form)
    assert on_host.shape == (8, 5) and on_host.dtype == np.float32
    np.testing.assert_allclose(on_host, expected, atol=2e-5)
    on_device = jax.jit(lambda x: spectrogram(x, rate=4000.0, form=form))(x[None])[0]
    np.testing.assert_allclose(on_device, expected, atol=1e-4)
    coefficients = spectrogram(
        x,
        rate=4000.0,
        form=Spectrogram(**FORM, kind="mfcc", coefficients=4, scale=scale, area=area),
    )
    np.testing.assert_allclose(coefficients, reference.mfcc(expected, 4), atol=1e-4)


# transformers 5.23, audio_utils.spectrogram in float64 (window_function("hann"), center, reflect,
# power 2, mel_floor 1e-6, natural log) of the wave below: frame 20, bands 8, 12, 14 and 30.
KNOWN = {
    ("htk", False): [-11.70864, -5.82394, 6.13026, -13.81551],
    ("slaney", True): [-13.81551, -8.88448, 1.12272, -13.81551],
}


def chirp():
    at = np.arange(4000) / 16000
    return (0.3 * np.sin(2 * np.pi * (440 * at + 2000 * at**2))).astype(np.float32)


@pytest.mark.parametrize(("scale", "area"), KNOWN)
def test_numbers_of_another_library(scale, area):
    form = Spectrogram(bands=40, scale=scale, area=area)
    found = spectrogram(chirp(), rate=16000.0, form=form)
    assert found.shape == (25, 40)
    np.testing.assert_allclose(found[20, [8, 12, 14, 30]], KNOWN[scale, area], atol=1e-4)
    np.testing.assert_allclose(
        spectrogram(jnp.asarray(chirp()), rate=16000.0, form=form), found, atol=1e-3
    )


def test_a_tone_is_in_its_band_and_volume_is_an_addition():
    form = Spectrogram(bands=40)
    at = np.arange(8000) / 16000
    tone = np.sin(2 * np.pi * 1000 * at).astype(np.float32)
    found = spectrogram(tone, rate=16000.0, form=form)[5:-5]
    centres = mel_to_hz(np.linspace(*hz_to_mel(np.array([60.0, 8000.0]), "htk"), 42), "htk")[1:-1]
    assert (np.abs(centres[found.argmax(axis=1)] - 1000) < 80).all()
    louder = spectrogram(10 * tone, rate=16000.0, form=form)[5:-5]
    loud = found > np.log(1e-3)
    np.testing.assert_allclose((louder - found)[loud], np.log(100), atol=1e-3)


def test_silence_is_finite_and_so_is_its_gradient():
    form = Spectrogram(bands=8)

    def total(x):
        return spectrogram(x, rate=16000.0, form=form).sum()

    value, gradient = jax.value_and_grad(total)(jnp.zeros(1600))
    assert value == pytest.approx(10 * 8 * np.log(1e-6), rel=1e-5)
    assert np.isfinite(gradient).all()


def test_filters_and_windows():
    filters = mel_filters(Spectrogram(bands=20), 16000.0)
    assert filters.shape == (257, 20) and (filters >= 0).all() and (filters.max(axis=0) > 0.3).all()
    equal = mel_filters(Spectrogram(bands=20, area=True), 16000.0)
    areas = equal.sum(axis=0) * 16000 / 512
    np.testing.assert_allclose(areas[8:], 1, rtol=0.05)  # lower ones are narrow beside 31 Hz
    np.testing.assert_allclose(cosines(6, 6).T @ cosines(6, 6), np.eye(6), atol=1e-6)
    assert hann(400)[200] == 1 and hann(400)[0] == 0
    hz = np.array([0.0, 500.0, 999.0, 1001.0, 7000.0])
    for scale in ("htk", "slaney"):
        np.testing.assert_allclose(mel_to_hz(hz_to_mel(hz, scale), scale), hz, atol=1e-9)


def test_shapes_types_and_errors():
    assert Spectrogram(window=400).points == 512 and Spectrogram(window=512).points == 512
    assert Spectrogram(hop=160).frames(16000) == 100
    ints = np.array([-32768, 16384], np.int16)
    assert as_wave(ints).tolist() == [-1, 0.5] == as_wave(jnp.asarray(ints)).tolist()
    assert as_wave(np.array([0.25])).tolist() == [0.25]
    with pytest.raises(ValueError, match="a wave of 200 samples has no frame of 400"):
        spectrogram(np.zeros(200, np.float32), rate=16000.0, form=Spectrogram())
    both = jnp.stack([jnp.array([[1.0, 2.0], [3.0, 2.0]])])
    assert band_statistics(both).tolist() == [[2, 2, 1, 0]]


def test_slopes_are_those_of_a_loop():
    """torchaudio, functional.compute_deltas: five frames, of which the ends are repeated."""
    frames = np.random.default_rng(0).normal(size=(2, 9, 3)).astype(np.float32)

    def at(t):
        return frames[:, min(max(t, 0), 8)].astype(np.float64)

    slopes = [sum(n * (at(t + n) - at(t - n)) for n in (1, 2)) / 10 for t in range(9)]
    np.testing.assert_allclose(deltas(frames), np.stack(slopes, axis=1), atol=1e-6)
    np.testing.assert_allclose(deltas(jnp.asarray(frames)), deltas(frames), atol=1e-6)
