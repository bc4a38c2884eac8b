"""Waves as log-mel spectrograms and MFCC.

One implementation serves host and device: of NumPy arrays it computes in NumPy (statistics of a
data set), of others in JAX.
"""

import functools
from typing import Any

import jax.numpy as jnp
import numpy as np

from ssljax.ops.placement import on_own_examples
from ssljax.spec import Spectrogram

FULL = 2.0**15  # the value of int16 that stands for 1.0


def as_wave(value: Any) -> Any:
    """Return float32 waves in [-1, 1]: of int16, divided by 2^15; floats are such already."""
    xp = np if isinstance(value, np.ndarray) else jnp
    value = xp.asarray(value)
    if value.dtype == np.int16:
        return value.astype(np.float32) / np.float32(FULL)
    return value.astype(np.float32)


def spectrogram(wave: Any, *, rate: float, form: Spectrogram) -> Any:
    """Return the log-mel spectrograms float32[..., T, F] of waves, or their MFCC.

    A frame t is centred on sample t hop, of a wave whose ends are mirrored; with Hann's periodic
    window w, zeros up to `points` samples, and mel filters m of `mel_filters`,

        P_tk = |sum_n w_n x_{t hop - window/2 + n} exp(-2 pi i k n / points)|^2
        L_tf = log(max(sum_k m_kf P_tk, floor))

    with T = S // hop, so that the last frame of librosa and torchaudio, centred on the end of the
    wave, is left out, as Whisper does. MFCC are the first coefficients of the orthonormal discrete
    cosine transform (type 2) of L_t, with a natural logarithm.

    Args:
      wave: float32[..., S] in [-1, 1].
      rate: samples per second.
      form: see `ssljax.spec.Spectrogram`.

    Raises:
      ValueError: the wave is not longer than half a window, so that it cannot be mirrored.
    """
    xp = np if isinstance(wave, np.ndarray) else jnp
    samples, half = wave.shape[-1], form.window // 2
    if samples <= half:
        raise ValueError(f"a wave of {samples} samples has no frame of {form.window}")
    ends = [(0, 0)] * (wave.ndim - 1)
    padded = xp.pad(wave, [*ends, (half, form.window - half)], mode="reflect")
    starts = np.arange(form.frames(samples)) * form.hop
    frames = padded[..., starts[:, None] + np.arange(form.window)] * hann(form.window)

    def power_of(frames: Any) -> Any:
        transformed = xp.fft.rfft(frames, form.points)
        return transformed.real**2 + transformed.imag**2

    # XLA's partitioner gathers the batch before a Fourier transform.
    power = power_of(frames) if xp is np else on_own_examples(power_of, 0)(frames)
    filters = mel_filters(form, rate)
    mel = xp.log(xp.maximum(xp.matmul(power, filters, **_exact(xp)), form.floor))
    if form.kind == "mfcc":
        mel = xp.matmul(mel, cosines(form.bands, form.coefficients), **_exact(xp))
    return mel.astype(np.float32)


def _exact(xp: Any) -> dict[str, str]:
    """Return what makes a product on an accelerator one of float32."""
    return {} if xp is np else {"precision": "highest"}


@functools.lru_cache
def hann(length: int) -> np.ndarray:
    """Return float32[length], Hann's window of that period.

    >>> hann(4).tolist()
    [0.0, 0.5, 1.0, 0.5]
    """
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)


@functools.lru_cache
def mel_filters(form: Spectrogram, rate: float) -> np.ndarray:
    """Return float32[points / 2 + 1, bands], triangles between equal steps of the mel scale.

    The triangle f rises from the edge f to the edge f + 1 and falls to f + 2, of edges that divide
    mel(low) .. mel(high) into bands + 1 equal parts; its slopes are straight in Hz. With `area`
    each is divided by half of its width in Hz.
    """
    top = form.high or rate / 2
    low, high = hz_to_mel(np.array([form.low, top]), form.scale)
    edges = mel_to_hz(np.linspace(low, high, form.bands + 2), form.scale)
    at = np.linspace(0, rate / 2, form.points // 2 + 1)[:, None]
    rising = (at - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - at) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0, np.minimum(rising, falling))
    if form.area:
        filters *= 2 / (edges[2:] - edges[:-2])
    return filters.astype(np.float32)


_STEP = np.log(6.4) / 27  # of Slaney's scale, above 1000 Hz


def hz_to_mel(hz: np.ndarray, scale: str) -> np.ndarray:
    """Return mel of Hz.

    "htk": 2595 log10(1 + hz / 700). "slaney": 3 hz / 200 up to 1000 Hz, above that
    15 + 27 log(hz / 1000) / log(6.4).

    >>> hz_to_mel(np.array([1000.0, 6400.0]), "slaney").tolist()
    [15.0, 42.0]
    """
    if scale == "htk":
        return 2595 * np.log10(1 + hz / 700)
    above = 15 + np.log(np.maximum(hz, 1000) / 1000) / _STEP
    return np.where(hz < 1000, 3 * hz / 200, above)


def mel_to_hz(mel: np.ndarray, scale: str) -> np.ndarray:
    """Return Hz of mel, the inverse of `hz_to_mel`.

    >>> mel_to_hz(np.array([15.0, 42.0]), "slaney").round(6).tolist()
    [1000.0, 6400.0]
    """
    if scale == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    return np.where(mel < 15, 200 * mel / 3, 1000 * np.exp(_STEP * (np.maximum(mel, 15) - 15)))


@functools.lru_cache
def cosines(bands: int, coefficients: int) -> np.ndarray:
    """Return float32[bands, coefficients], the orthonormal discrete cosine transform (type 2)."""
    at = (np.arange(bands)[:, None] + 0.5) * np.arange(coefficients)
    table = np.sqrt(2 / bands) * np.cos(np.pi * at / bands)
    table[:, 0] /= np.sqrt(2)
    return table.astype(np.float32)


def deltas(frames: Any) -> Any:
    """Return the slopes [..., T, F] of frames [..., T, F] over time, by the two to either side.

        d_t = sum_{n = 1, 2} n (c_{t + n} - c_{t - n}) / 10,  the first and last frame repeated

    torchaudio, functional.compute_deltas.

    >>> deltas(np.arange(5.0)[:, None])[2].tolist()
    [1.0]
    """
    xp, count = np if isinstance(frames, np.ndarray) else jnp, frames.shape[-2]
    padded = xp.pad(frames, [(0, 0)] * (frames.ndim - 2) + [(2, 2), (0, 0)], mode="edge")
    at = [padded[..., n : n + count, :] for n in range(5)]
    return (at[3] - at[1] + 2 * (at[4] - at[0])) / 10


def band_statistics(frames: jnp.ndarray) -> jnp.ndarray:
    """Return float32[B, 2 F] of spectrograms [B, T, F]: the mean and deviation of each band.

    They are the features of sounds that need no network.
    """
    frames = jnp.asarray(frames, jnp.float32)
    return jnp.concatenate([frames.mean(axis=1), frames.std(axis=1)], axis=1)
