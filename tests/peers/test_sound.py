"""Spectrograms beside those of transformers."""

import numpy as np
import pytest

from ssljax.ops.spectrogram import spectrogram
from ssljax.spec import Spectrogram

utils = pytest.importorskip("transformers.audio_utils")


@pytest.mark.parametrize("scale", ["htk", "slaney"])
@pytest.mark.parametrize("area", [False, True])
@pytest.mark.parametrize(
    ("rate", "window", "hop", "points"), [(16000, 400, 160, 512), (8000, 200, 80, 256)]
)
def test_log_mel(scale, area, rate, window, hop, points):
    rng = np.random.default_rng(0)
    wave = (0.1 * rng.normal(size=4000)).astype(np.float32)
    filters = utils.mel_filter_bank(
        points // 2 + 1, 40, 60.0, rate / 2, rate, norm="slaney" if area else None, mel_scale=scale
    )
    expected = utils.spectrogram(
        wave,
        utils.window_function(window, "hann"),
        window,
        hop,
        fft_length=points,
        power=2.0,
        mel_filters=filters,
        mel_floor=1e-6,
        log_mel="log",
    ).T
    form = Spectrogram(bands=40, window=window, hop=hop, scale=scale, area=area)
    found = spectrogram(wave, rate=float(rate), form=form)
    np.testing.assert_allclose(found, expected[: len(found)], atol=1e-4)
