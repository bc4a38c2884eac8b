"""Log-mel spectrograms and MFCC in float64, as loops over frames, points and bands."""

import cmath
import math

import numpy as np


def log_mel(wave, rate, *, bands, window, hop, points, low, high, scale, area, floor):
    """Return [S // hop, bands]."""
    at = _mirrored(wave)
    hann = [0.5 - 0.5 * math.cos(2 * math.pi * n / window) for n in range(window)]
    rows = []
    for t in range(len(wave) // hop):
        frame = [hann[n] * at(t * hop - window // 2 + n) for n in range(window)]
        power = []
        for k in range(points // 2 + 1):
            turn = -2j * math.pi * k / points
            power.append(abs(sum(x * cmath.exp(turn * n) for n, x in enumerate(frame))) ** 2)
        edges = _edges(low, high, bands, scale)
        rows.append(
            [
                math.log(
                    max(
                        sum(
                            p * _triangle(k * rate / points, *edges[f : f + 3], area)
                            for k, p in enumerate(power)
                        ),
                        floor,
                    )
                )
                for f in range(bands)
            ]
        )
    return np.array(rows)


def mfcc(log_mels, coefficients):
    """Return [T, coefficients], the orthonormal cosine transform of each frame."""
    bands = log_mels.shape[1]
    found = np.zeros((len(log_mels), coefficients))
    for t, frame in enumerate(log_mels):
        for c in range(coefficients):
            norm = math.sqrt((1 if c == 0 else 2) / bands)
            found[t, c] = norm * sum(
                x * math.cos(math.pi * c * (2 * f + 1) / (2 * bands)) for f, x in enumerate(frame)
            )
    return found


def _mirrored(wave):
    last = len(wave) - 1

    def at(n):
        n = abs(n)
        return float(wave[n if n <= last else 2 * last - n])

    return at


def _edges(low, high, bands, scale):
    first, last = _mel(low, scale), _mel(high, scale)
    steps = [first + (last - first) * i / (bands + 1) for i in range(bands + 2)]
    return [_hz(step, scale) for step in steps]


def _mel(hz, scale):
    if scale == "htk":
        return 2595 * math.log10(1 + hz / 700)
    return 3 * hz / 200 if hz < 1000 else 15 + 27 * math.log(hz / 1000) / math.log(6.4)


def _hz(mel, scale):
    if scale == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    return 200 * mel / 3 if mel < 15 else 1000 * math.exp((mel - 15) * math.log(6.4) / 27)


def _triangle(hz, left, middle, right, area):
    height = 2 / (right - left) if area else 1
    if not left < hz < right:
        return 0.0
    part = (hz - left) / (middle - left) if hz <= middle else (right - hz) / (right - middle)
    return height * part
